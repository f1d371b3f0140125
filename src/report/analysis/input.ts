import { parsePlan } from '../../core/plan/parse.js';
import type { Plan } from '../../core/plan/plan.js';
import type { ApiKeyRecord, MigrationPlan } from '../../index.js';
import { otherType, typeName } from '../../stores/settings.js';
import { type GoneGuard, readGone } from './gone.js';
import { id, list, maybe, object, wrong } from './input-values.js';
import type { RowIssuers } from './refs.js';
import { checkUsage, type StoredUsage } from './usage-check.js';

/** An API key that you know; a record of a lookup can be used. */
export type ListedKey = Pick<
  ApiKeyRecord,
  'id' | 'clientId' | 'createdBy' | 'disabled' | 'expiresAt'
> & {
  /** The issuer of its client; required if there are clients of several issuers. */
  readonly issuer?: string;
};

/** A client that you know. */
export interface ListedClient {
  readonly client: string;
  /** Its issuer; required if several issuers have a client with this id. */
  readonly issuer?: string;
  /** The person to contact about it. */
  readonly owner?: string;
}

/** A client to exclude: its id, with its issuer if there are several. */
export type ExcludedClient = string | { readonly client: string; readonly issuer?: string };

/** The input of a report. */
export interface ReportInput {
  /** What a store's `read()`, or `guard.usage()`, returns. */
  readonly usage: StoredUsage;
  /**
   * The current plan, or its JSON text.
   * @default an empty plan
   */
  readonly plan?: MigrationPlan | string;
  /** Clients that you know. A client without requests is in the report only if it is here, in `keys` or in the plan. */
  readonly clients?: readonly ListedClient[];
  /** Keys that you know. Without them, the report cannot list unused keys. */
  readonly keys?: readonly ListedKey[];
  /** Clients to leave out everywhere, such as your own support tools. */
  readonly exclude?: readonly ExcludedClient[];
  /**
   * Guards that ended without being closed, or whose counts cannot be read. Until such a guard is listed
   * here, it may still accept keys, so no time after its last flush counts as watched.
   */
  readonly gone?: readonly GoneGuard[];
  /** Limits the report to this cohort of the plan. */
  readonly cohort?: string;
  /**
   * Milliseconds since 1970.
   * @default Date.now()
   */
  readonly now?: number;
}

/** A client as somebody wrote it down. */
export interface NamedClient {
  readonly client: string;
  readonly issuer?: string;
}

/** An input that was checked. */
export interface Inventory {
  readonly usage: StoredUsage;
  readonly plan: Plan;
  readonly clients: readonly ListedClient[];
  /** By key; undefined if none were handed in. */
  readonly keys: ReadonlyMap<string, ListedKey> | undefined;
  readonly exclude: readonly NamedClient[];
  /** By instance: when it ended, in milliseconds since 1970. */
  readonly gone: ReadonlyMap<string, number>;
  readonly rowIssuers: RowIssuers;
  readonly cohort: string | undefined;
  readonly now: number;
}

/** Whose a key counts as; one without a client is a client of its own. */
export const ownerOf = ({ id, clientId }: ListedKey): string => clientId ?? id;

/** Tells whether a key can still be used, as far as its record knows. */
export const isLive = ({ disabled, expiresAt }: ListedKey, now: number): boolean =>
  disabled !== true && (expiresAt === undefined || expiresAt * 1000 > now);

const names = ['usage', 'plan', 'clients', 'keys', 'exclude', 'gone', 'cohort', 'now'];

/** The end of the year 9999: later times have no ISO 8601 form of four digits. */
const latest = 253_402_300_799_999;

/** @throws ConfigError for the first mistake */
export function* readInput(input: ReportInput): Generator<undefined, Inventory> {
  const own: ReportInput = object('report', input);
  for (const [name, value] of Object.entries(own)) {
    if (!names.includes(name))
      throw wrong(`report.${name}`, `is not a known member: use ${names.join(', ')}`);
    if (value === undefined)
      throw wrong(`report.${name}`, 'must not be undefined: set it, or omit it');
  }
  const { now = Date.now(), plan: given = {} } = own;
  if (typeof now !== 'number' || !(now >= 0 && now <= latest)) {
    throw wrong('report.now', `must be a time in milliseconds since 1970; got ${otherType(now)}`);
  }
  const rowIssuers = yield* checkUsage(own.usage);
  const plan = parsePlan('plan', given);
  if (own.cohort !== undefined) checkCohort(plan, own.cohort);
  const clients = own.clients === undefined ? [] : list('report.clients', own.clients);
  const keys = own.keys === undefined ? undefined : list('report.keys', own.keys);
  const exclude = own.exclude === undefined ? [] : list('report.exclude', own.exclude);
  return {
    usage: own.usage,
    plan,
    clients: clients.map((one, index) => readClient(`report.clients[${index}]`, one)),
    keys: keys && new Map(keys.map((one, index) => readKey(`report.keys[${index}]`, one))),
    exclude: exclude.map((one, index) => readExcluded(`report.exclude[${index}]`, one)),
    gone: own.gone === undefined ? new Map() : readGone(own.gone, own.usage, now),
    rowIssuers,
    cohort: own.cohort,
    now,
  };
}

function readClient(where: string, given: ListedClient): ListedClient {
  const { client, owner, issuer } = object(where, given);
  maybe(`${where}.owner`, owner);
  maybe(`${where}.issuer`, issuer);
  id(`${where}.client`, client);
  return given;
}

function readExcluded(where: string, given: ExcludedClient): NamedClient {
  if (typeof given !== 'object') return { client: id(where, given) };
  const { client, issuer } = object(where, given);
  maybe(`${where}.issuer`, issuer);
  id(`${where}.client`, client);
  return given;
}

function readKey(where: string, given: ListedKey): [id: string, key: ListedKey] {
  const { id: name, clientId, createdBy, disabled, expiresAt, issuer } = object(where, given);
  if (disabled !== undefined && typeof disabled !== 'boolean') {
    throw wrong(`${where}.disabled`, `must be true or false; got ${typeName(disabled)}`);
  }
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && Math.abs(expiresAt) <= 1e11)) {
    throw wrong(
      `${where}.expiresAt`,
      `must be a time in seconds since 1970; got ${otherType(expiresAt)}. Omit it for a key that does not expire`,
    );
  }
  maybe(`${where}.issuer`, issuer);
  maybe(`${where}.clientId`, clientId);
  maybe(`${where}.createdBy`, createdBy);
  return [id(`${where}.id`, name), given];
}

function checkCohort({ cohorts }: Plan, cohort: unknown): void {
  const known = [...cohorts.keys()].slice(0, 10).map((name) => JSON.stringify(name));
  if (typeof cohort === 'string' && cohorts.has(cohort)) return;
  const advice = known.length > 0 ? `use ${known.join(', ')}` : 'the plan has none';
  const got = JSON.stringify(cohort);
  throw wrong('report.cohort', `must be the name of a cohort of the plan; got ${got}: ${advice}`);
}
