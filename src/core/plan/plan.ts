import type { weekdays } from '../base/dates.js';
import { type Check, checks } from '../enforcement.js';

export { type Check, checks };

/**
 * A client's stage in the migration from API keys to tokens. A valid token is accepted in every mode.
 * - `key-only`: keys are accepted, nothing is announced
 * - `dual`: keys are accepted, with a link to the guide in the response
 * - `deprecated`: keys are accepted, with the dates in the response
 * - `token-only`: keys are rejected
 * - `extension`: as `deprecated`, until the client's own date
 */
export type Mode = (typeof modes)[number];
export const modes = ['key-only', 'dual', 'deprecated', 'token-only', 'extension'] as const;

/** A check of what an API key's record grants. The other checks exist only for tokens. */
export type KeyCheck = (typeof keyChecks)[number];
export const keyChecks = ['scopes', 'organization'] as const;
export const tokenOnlyChecks = ['audience', 'type', 'lifetime'] as const;

/** Whether a failed check rejects the request, or is only reported. */
export type Rule = (typeof rules)[number];
export const rules = ['enforce', 'report'] as const;

/** A rule for each check of API keys that has one. */
export type Checks = { readonly [C in KeyCheck]?: Rule };

/** A rule for each check of tokens that has one. */
export type TokenChecks = { readonly [C in Check]?: Rule };

/** A day of the week, in UTC. */
export type Weekday = (typeof weekdays)[number];

/** The migration from API keys to tokens, as JSON. Dates are ISO 8601 date-times with an offset. */
export interface MigrationPlan {
  /** The location of the JSON Schema, for editors. */
  readonly $schema?: string;
  /**
   * The mode of clients without their own or their cohort's mode. Must not be `extension`.
   * @default 'dual'
   */
  readonly mode?: Mode;
  /** When keys become or became deprecated (RFC 9745). */
  readonly deprecatedAt?: string;
  /** When keys stop working (RFC 8594), except for clients with an extension. */
  readonly sunsetAt?: string;
  /** The https URL of the migration guide. */
  readonly guide?: string;
  /**
   * The HTTP status of responses to keys that the plan rejects.
   * @default 401
   */
  readonly refusedStatus?: 401 | 410;
  /** The cohort of clients without their own. */
  readonly cohort?: string;
  /**
   * The issuer of the client ids in this plan: an id is unique only within its issuer (RFC 8725 §3.8).
   * Required if the guard has several issuers and a rule does not name one.
   */
  readonly issuer?: string;
  /**
   * Rules by client id. A mode alone is short for an object with that mode. An array has one rule per
   * issuer, for an id that several issuers use.
   */
  readonly clients?: Readonly<Record<string, Mode | PlanClient | readonly PlanClient[]>>;
  readonly cohorts?: Readonly<Record<string, PlanCohort>>;
  readonly brownouts?: readonly Brownout[];
  /**
   * Pauses all brownouts.
   * @default false
   */
  readonly pauseBrownouts?: boolean;
  /**
   * Checks of API keys: with `report`, a request that fails the check is accepted and reported.
   * Routes with `enforce: true`, and the report page, enforce every check regardless.
   * @default `enforce` for each check
   */
  readonly checks?: Checks;
  /**
   * Checks of access tokens. With `scopes` or `organization` set to `report`, every valid token is
   * accepted on every route without `enforce: true`.
   * @default `enforce` for each check
   */
  readonly tokenChecks?: TokenChecks;
}

/** A rule for one client. */
export interface PlanClient {
  readonly mode?: Mode;
  /** The end of the extension. Required with `mode: 'extension'`, invalid otherwise. */
  readonly until?: string;
  readonly cohort?: string;
  /** The client's issuer. @default the plan's `issuer` */
  readonly issuer?: string;
  /** Overrides rules of the plan. */
  readonly checks?: Checks;
  /** Overrides rules of the plan. */
  readonly tokenChecks?: TokenChecks;
}

/** A client of one issuer. */
export interface PlanClientName {
  readonly client: string;
  /** @default the plan's `issuer` */
  readonly issuer?: string;
}

/** A group of clients. */
export interface PlanCohort {
  readonly mode?: Mode;
  /**
   * The percentage of the cohort's clients that get its `mode`, 0 to 100; the others get the plan's. A
   * client that is included stays included when the percentage grows.
   * @default 100
   */
  readonly percent?: number;
  /**
   * Determines which clients `percent` selects.
   * @default the cohort's name
   */
  readonly salt?: string;
  /** Overrides the plan's `sunsetAt`. */
  readonly sunsetAt?: string;
}

/** A brownout: for a limited time, keys are rejected as they will be after the sunset. */
export interface Brownout {
  /** The start; with `daily`, no window begins earlier. */
  readonly start: string;
  /** The end, exclusive; with `daily`, the last window ends here at the latest. */
  readonly end: string;
  /** Repeats the brownout in short windows. */
  readonly daily?: Daily;
  /**
   * The cohorts whose keys are rejected.
   * @default all clients
   */
  readonly cohorts?: readonly string[];
  /** Clients that the brownout does not affect: ids, with an issuer if it is not the plan's. */
  readonly exempt?: readonly (string | PlanClientName)[];
  /** @default false */
  readonly paused?: boolean;
  /**
   * Rejects nothing; decision events contain what would have been rejected.
   * @default false
   */
  readonly dryRun?: boolean;
}

/** The windows of a repeated brownout. */
export interface Daily {
  /** Start times: `HH:MM`, UTC. */
  readonly at: readonly string[];
  /** Length in minutes, 1 to 1439. An array has one entry per week since `start`; the last one repeats. */
  readonly minutes: number | readonly number[];
  /**
   * The days on which windows begin, in UTC.
   * @default all days
   */
  readonly days?: readonly Weekday[];
}

/** Loads a plan that may change while the process runs. The last valid plan stays in force. */
export interface PlanSource {
  /** Returns the plan or its JSON text. Must throw if it cannot load it, and not return a default. */
  load(): Promise<MigrationPlan | string>;
  /**
   * Seconds between two loads.
   * @default 60
   */
  readonly pollInterval?: number;
  /** The plan in force until the first load: an object or JSON text. */
  readonly initial?: MigrationPlan | string;
}

/** A validated plan: times in milliseconds since 1970, defaults filled in. */
export interface Plan {
  readonly mode: SharedMode;
  readonly deprecatedAt: number | undefined;
  readonly sunsetAt: number | undefined;
  readonly guide: string | undefined;
  readonly refusedStatus: 401 | 410;
  readonly cohort: string | undefined;
  /** Rules by client id: one, or one per issuer. */
  readonly clients: ReadonlyMap<string, readonly ClientPlan[]>;
  /** The rule for clients that the plan does not name. */
  readonly others: ClientPlan;
  readonly cohorts: ReadonlyMap<string, CohortPlan>;
  readonly brownouts: readonly BrownoutPlan[];
  /** Whether any check is report-only for any client. */
  readonly reports: boolean;
  /** Token checks whose rule depends on the client, so they run after signature verification. */
  readonly deferred: ReadonlySet<Check>;
}

/** Identifies a client in plans, usage counts and reports. */
export interface ClientRef {
  readonly id: string;
  /** Undefined for an API key whose record names no issuer. */
  readonly issuer: string | undefined;
}

/** A mode that a plan or a cohort can have. */
export type SharedMode = Exclude<Mode, 'extension'>;

export interface ClientPlan {
  /** Undefined if the guard has only one issuer. */
  readonly issuer: string | undefined;
  /** The client's own mode; undefined if the cohort's or the plan's applies. */
  readonly mode: Mode | undefined;
  /** The client's own cohort, or the plan's. */
  readonly cohort: CohortPlan | undefined;
  /** The end of the extension, or the cohort's sunset, or the plan's. */
  readonly sunsetAt: number | undefined;
  /** For API keys: the client's own rules merged with the plan's. */
  readonly checks: Readonly<Record<KeyCheck, Rule>>;
  /** For tokens: the client's own rules merged with the plan's. */
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
  /** Undefined: all clients. */
  readonly cohorts: ReadonlySet<string> | undefined;
  /** Issuers by client id; undefined stands for any issuer. */
  readonly exempt: ReadonlyMap<string, ReadonlySet<string | undefined>>;
  /** Whether the brownout or the whole plan is paused. */
  readonly paused: boolean;
  readonly dryRun: boolean;
}

/** `at` in milliseconds since midnight, `lengths` in milliseconds, `days` by number; Sunday is 0. */
export interface DailyPlan {
  readonly at: readonly number[];
  readonly lengths: readonly number[];
  readonly days: readonly boolean[];
}
