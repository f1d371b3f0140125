import type { Plan } from '../core/migration/plan.js';
import { readPlan } from '../core/migration/read-plan.js';
import type { Usage } from '../core/migration/usage.js';
import { type ApiKeyRecord, ConfigError, type MigrationPlan } from '../index.js';
import { checkUsage } from './usage-check.js';

/** What the team knows of an API key; a record of a look-up will do. */
export type ListedKey = Pick<
  ApiKeyRecord,
  'id' | 'clientId' | 'createdBy' | 'disabled' | 'expiresAt'
>;

/** What the team knows of a client. */
export interface ListedClient {
  readonly client: string;
  /** Who is to be asked about it. */
  readonly owner?: string;
}

/** What a report is made of. */
export interface ReportInput {
  /** What a store's `read()` answers. */
  readonly usage: Usage;
  /**
   * The plan in force, or its JSON text.
   * @default a plan that says nothing
   */
  readonly plan?: MigrationPlan | string;
  /** Clients that are known; one that never came can only be told of here, in `keys` or in the plan. */
  readonly clients?: readonly ListedClient[];
  /** Keys that are known. Without them no report can tell which never came. */
  readonly keys?: readonly ListedKey[];
  /** Ids of the team's own clients, such as support tools: left out everywhere. */
  readonly exclude?: readonly string[];
  /** Limits the report to this cohort of the plan. */
  readonly cohort?: string;
  /**
   * Milliseconds since 1970.
   * @default Date.now()
   */
  readonly now?: number;
}

/** An input that was checked. */
export interface Inventory {
  readonly usage: Usage;
  readonly plan: Plan;
  /** By client. */
  readonly owners: ReadonlyMap<string, string | undefined>;
  /** By key; undefined if none were handed in. */
  readonly keys: ReadonlyMap<string, ListedKey> | undefined;
  readonly exclude: ReadonlySet<string>;
  readonly cohort: string | undefined;
  readonly now: number;
}

/** Whose a key counts as; one without a client is a client of its own. */
export const ownerOf = ({ id, clientId }: ListedKey): string => clientId ?? id;

/** Tells whether a key can still be used, as far as its record knows. */
export const isLive = ({ disabled, expiresAt }: ListedKey, now: number): boolean =>
  disabled !== true && (expiresAt === undefined || expiresAt * 1000 > now);

const names = ['usage', 'plan', 'clients', 'keys', 'exclude', 'cohort', 'now'];

/** The end of the year 9999: later times have no ISO 8601 form of four digits. */
const latest = 253_402_300_799_999;

/** @throws ConfigError for the first mistake */
export function readInput(input: ReportInput): Inventory {
  const own: ReportInput = object('report', input);
  for (const [name, value] of Object.entries(own)) {
    if (!names.includes(name))
      throw wrong(`report.${name}`, `is not known: use ${names.join(', ')}`);
    if (value === undefined)
      throw wrong(`report.${name}`, 'is undefined: give it, or leave it out');
  }
  const { now = Date.now(), plan: given = {} } = own;
  if (typeof now !== 'number' || !(now >= 0 && now <= latest)) {
    throw wrong('report.now', 'is no time in milliseconds since 1970');
  }
  checkUsage(own.usage);
  const plan = readPlan('plan', given);
  if (own.cohort !== undefined) checkCohort(plan, own.cohort);
  const clients = own.clients === undefined ? [] : list('report.clients', own.clients);
  const keys = own.keys === undefined ? undefined : list('report.keys', own.keys);
  const exclude = own.exclude === undefined ? [] : list('report.exclude', own.exclude);
  return {
    usage: own.usage,
    plan,
    owners: new Map(clients.map((one, index) => readClient(`report.clients[${index}]`, one))),
    keys: keys && new Map(keys.map((one, index) => readKey(`report.keys[${index}]`, one))),
    exclude: new Set(exclude.map((one, index) => id(`report.exclude[${index}]`, one))),
    cohort: own.cohort,
    now,
  };
}

/** The error for an input that cannot be meant. Of what was written it shows nothing. */
export const wrong = (where: string, meant: string): ConfigError =>
  new ConfigError(`${where}: ${meant} (see ReportInput of sallyport/report)`);

function object<T>(where: string, value: T): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw wrong(where, 'is no object');
}

function list<T>(where: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw wrong(where, 'is no list');
  return Array.from(value as readonly T[]);
}

function id(where: string, value: unknown): string {
  if (typeof value !== 'string' || value === '')
    throw wrong(where, 'is no text with something in it');
  return value;
}

const maybe = (where: string, value: unknown): string | undefined =>
  value === undefined ? undefined : id(where, value);

function readClient(
  where: string,
  given: ListedClient,
): [client: string, owner: string | undefined] {
  const { client, owner } = object(where, given);
  return [id(`${where}.client`, client), maybe(`${where}.owner`, owner)];
}

function readKey(where: string, given: ListedKey): [id: string, key: ListedKey] {
  const { id: name, clientId, createdBy, disabled, expiresAt } = object(where, given);
  if (disabled !== undefined && typeof disabled !== 'boolean') {
    throw wrong(`${where}.disabled`, 'is neither true nor false');
  }
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && Math.abs(expiresAt) <= 1e11)) {
    throw wrong(
      `${where}.expiresAt`,
      'is no time in seconds: leave it out for a key without an end',
    );
  }
  maybe(`${where}.clientId`, clientId);
  maybe(`${where}.createdBy`, createdBy);
  return [id(`${where}.id`, name), given];
}

function checkCohort({ cohorts }: Plan, cohort: unknown): void {
  const known = [...cohorts.keys()].slice(0, 10).map((name) => JSON.stringify(name));
  if (typeof cohort === 'string' && cohorts.has(cohort)) return;
  const meant = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none';
  throw wrong('report.cohort', `${JSON.stringify(cohort)} is no cohort of the plan: ${meant}`);
}
