import type { weekdays } from '../base/dates.js';
import { type Check, checks } from '../enforcement.js';

export { type Check, checks };

/**
 * How far a client is on its way from API keys to tokens. A valid token is accepted in each of them.
 * - `key-only`: keys as ever, nothing is announced
 * - `dual`: keys too, with a link to the guide
 * - `deprecated`: keys too, with the dates
 * - `token-only`: keys are refused
 * - `extension`: as `deprecated`, until a date of the client's own
 */
export type Mode = (typeof modes)[number];
export const modes = ['key-only', 'dual', 'deprecated', 'token-only', 'extension'] as const;

/** A check of what an API key's record grants. The other checks concern what only a token has. */
export type KeyCheck = (typeof keyChecks)[number];
export const keyChecks = ['scopes', 'organization'] as const;
export const tokenOnlyChecks = ['audience', 'type', 'lifetime'] as const;

/** Whether a check refuses, or only tells that it would have. */
export type Rule = (typeof rules)[number];
export const rules = ['enforce', 'report'] as const;

/** A rule for each check of API keys that has one. */
export type Checks = { readonly [C in KeyCheck]?: Rule };

/** A rule for each check of tokens that has one. */
export type TokenChecks = { readonly [C in Check]?: Rule };

/** A day of the week, in UTC. */
export type Weekday = (typeof weekdays)[number];

/** The migration from API keys to tokens, as JSON. A date is ISO 8601 with an offset. */
export interface MigrationPlan {
  /** For editors: where the JSON Schema of a plan is. */
  readonly $schema?: string;
  /**
   * Of every client whose own or whose cohort's is not given; never `extension`.
   * @default 'dual'
   */
  readonly mode?: Mode;
  /** Since when keys are deprecated (RFC 9745); a date to come is an announcement. */
  readonly deprecatedAt?: string;
  /** From then on no key is accepted (RFC 8594), but for unexpired extensions. */
  readonly sunsetAt?: string;
  /** The https URL of the migration guide. */
  readonly guide?: string;
  /**
   * The status of a key that is refused for the plan's sake.
   * @default 401
   */
  readonly refusedStatus?: 401 | 410;
  /** Of every client that names none. */
  readonly cohort?: string;
  /**
   * The issuer that the client ids of this plan belong to: an id means nothing outside its issuer
   * (RFC 8725 §3.8). Required where the guard has several issuers and a rule names a client without
   * its own `issuer`.
   */
  readonly issuer?: string;
  /**
   * By client id; a mode alone is short for an object with it. A list has one rule for each of several
   * issuers that know a client by this id.
   */
  readonly clients?: Readonly<Record<string, Mode | PlanClient | readonly PlanClient[]>>;
  readonly cohorts?: Readonly<Record<string, PlanCohort>>;
  readonly brownouts?: readonly Brownout[];
  /**
   * No brownout takes place.
   * @default false
   */
  readonly pauseBrownouts?: boolean;
  /**
   * Checks of API keys: `report` lets a request pass that the check would refuse, and tells of it.
   * A route with `enforce: true` and the report page enforce every check all the same.
   * @default each `enforce`
   */
  readonly checks?: Checks;
  /**
   * The same for access tokens, so mind what a client may then do with one: with `scopes` or
   * `organization` on `report`, every valid token passes every route that does not say `enforce: true`.
   * @default each `enforce`
   */
  readonly tokenChecks?: TokenChecks;
}

/** What a plan says of one client. */
export interface PlanClient {
  readonly mode?: Mode;
  /** The end of its extension; with `mode: 'extension'`, and only then. */
  readonly until?: string;
  readonly cohort?: string;
  /** The issuer that knows the client by this id. @default the plan's `issuer` */
  readonly issuer?: string;
  /** Where it differs from the plan's. */
  readonly checks?: Checks;
  /** Where it differs from the plan's. */
  readonly tokenChecks?: TokenChecks;
}

/** A client of one issuer. */
export interface PlanClientName {
  readonly client: string;
  /** @default the plan's `issuer` */
  readonly issuer?: string;
}

/** What a plan says of a group of clients. */
export interface PlanCohort {
  readonly mode?: Mode;
  /**
   * How many of its clients, 0 to 100, have its `mode`; the others have the plan's. A client that is
   * in stays in while the number grows.
   * @default 100
   */
  readonly percent?: number;
  /**
   * Another salt draws other clients.
   * @default the cohort's name
   */
  readonly salt?: string;
  /** In place of the plan's. */
  readonly sunsetAt?: string;
}

/** A rehearsal of the sunset: for a while keys are refused. */
export interface Brownout {
  /** Its beginning; with `daily`, from when on windows may begin. */
  readonly start: string;
  /** Its end, which is no longer part of it; no window outlasts it. */
  readonly end: string;
  /** It recurs in short windows. */
  readonly daily?: Daily;
  /**
   * Whose keys are refused.
   * @default every client's
   */
  readonly cohorts?: readonly string[];
  /** Clients that are left alone: ids, with their issuer where that is not the plan's. */
  readonly exempt?: readonly (string | PlanClientName)[];
  /** @default false */
  readonly paused?: boolean;
  /**
   * Refuses nothing; the decision's event tells that it would have.
   * @default false
   */
  readonly dryRun?: boolean;
}

/** The windows of a brownout that recurs. */
export interface Daily {
  /** When they begin: HH:MM, UTC. */
  readonly at: readonly string[];
  /** How long they are, 1 to 1439 minutes; of a list one entry a week since `start`, and the last stays. */
  readonly minutes: number | readonly number[];
  /**
   * On which days they begin, in UTC.
   * @default all
   */
  readonly days?: readonly Weekday[];
}

/** Where a plan comes from that may change while the process runs. The last good one stays in force. */
export interface PlanSource {
  /** Answers the plan, or its JSON text. */
  load(): Promise<MigrationPlan | string>;
  /**
   * Seconds between two loads.
   * @default 60
   */
  readonly pollInterval?: number;
  /** In force until the first load; a text is JSON. */
  readonly initial?: MigrationPlan | string;
}

/** A plan that was checked: times in milliseconds since 1970, every default filled in. */
export interface Plan {
  readonly mode: SharedMode;
  readonly deprecatedAt: number | undefined;
  readonly sunsetAt: number | undefined;
  readonly guide: string | undefined;
  readonly refusedStatus: 401 | 410;
  readonly cohort: string | undefined;
  /** By id: one rule, or one for each issuer that knows a client by this id. */
  readonly clients: ReadonlyMap<string, readonly ClientPlan[]>;
  /** What holds for a client that the plan does not name. */
  readonly others: ClientPlan;
  readonly cohorts: ReadonlyMap<string, CohortPlan>;
  readonly brownouts: readonly BrownoutPlan[];
  /** Whether some check is reported only, for anyone. */
  readonly reports: boolean;
  /** Checks of a token whose rule depends on the client: they have to wait for the signature. */
  readonly deferred: ReadonlySet<Check>;
}

/** A client as a plan, a count or a report names it. */
export interface ClientRef {
  readonly id: string;
  /** Undefined: of an API key whose record names none. */
  readonly issuer: string | undefined;
}

/** A mode that more than one client can have. */
export type SharedMode = Exclude<Mode, 'extension'>;

export interface ClientPlan {
  /** Undefined: any, since the guard has only one. */
  readonly issuer: string | undefined;
  /** Its own; undefined if its cohort or the plan decides. */
  readonly mode: Mode | undefined;
  /** Its own, else the plan's. */
  readonly cohort: CohortPlan | undefined;
  /** The end of its extension, else its cohort's, else the plan's. */
  readonly sunsetAt: number | undefined;
  /** Of API keys: its own, else the plan's. */
  readonly checks: Readonly<Record<KeyCheck, Rule>>;
  /** Of tokens: its own, else the plan's. */
  readonly tokenChecks: Readonly<Record<Check, Rule>>;
}

export interface CohortPlan {
  readonly name: string;
  readonly mode: SharedMode | undefined;
  readonly percent: number;
  readonly salt: string;
  readonly sunsetAt: number | undefined;
}

export interface BrownoutPlan {
  readonly start: number;
  readonly end: number;
  readonly daily: DailyPlan | undefined;
  /** Undefined: every client's. */
  readonly cohorts: ReadonlySet<string> | undefined;
  /** By id: the issuers whose client is left alone; undefined is any. */
  readonly exempt: ReadonlyMap<string, ReadonlySet<string | undefined>>;
  /** Its own `paused`, or the plan's. */
  readonly paused: boolean;
  readonly dryRun: boolean;
}

/** In milliseconds; `at` since midnight, `days` by number, Sunday being 0. */
export interface DailyPlan {
  readonly at: readonly number[];
  readonly lengths: readonly number[];
  readonly days: readonly boolean[];
}
