import type { ClientState, Mode } from '../../index.js';
import type { DataQuality } from './model-quality.js';

export type * from './model-quality.js';

/**
 * How far a client is; the first that fits. On keys is whoever came with one in the last 14 days,
 * accepted or not; the order of urgency is another. Days are days that were watched: what nobody
 * watched changes no status. Nor does anything that is not verified.
 * - `extended`: on keys, with an extension that has not expired
 * - `unknown`: no key for 14 days, but one may have come that was not counted: see `safeToCut.why`
 * - `migrated`: no key for 14 days, and a token since its last key
 * - `inactive`: no key and no token for 14 days
 * - `overdue`: on keys, and its sunset is less than 30 days away, or over
 * - `blocked`: on keys, and of its tokens none was accepted but some refused in the last 14 days
 * - `in progress`: keys and tokens in the last 14 days
 * - `on keys`: keys alone
 */
export type ClientStatus =
  | 'extended'
  | 'unknown'
  | 'migrated'
  | 'inactive'
  | 'overdue'
  | 'blocked'
  | 'in progress'
  | 'on keys';

/** How often, up to the time of the report: today (UTC), and with the 6 and the 29 days before. */
export interface Recent {
  readonly day: number;
  readonly week: number;
  readonly month: number;
}

/** How often, and when. Times are ISO 8601, in UTC, to the minute. */
export interface Tallied {
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** A refusal by its reason: a code of docs/errors.md. */
export interface Refused extends Tallied {
  readonly reason: string;
}

/** One key of a client. */
export interface KeyReport {
  readonly id: string;
  /** Whether it was accepted or not; absent: never since `trackingSince`. */
  readonly lastUse?: string;
  /** Requests, accepted or not, in the last 30 days. */
  readonly month: number;
  /** The person that made it, where that is known. */
  readonly createdBy?: string;
}

/** Whether a client's keys can be switched off without anybody noticing. */
export interface SafeToCut {
  readonly safe: boolean;
  /**
   * `false`: it is not known, since too little of the time was watched, or since a key may have come
   * that was not counted for it; absent otherwise. Then it may not be cut, although no key was seen for
   * as long as it takes.
   */
  readonly known?: false;
  /** In a sentence. */
  readonly why: string;
  /**
   * Days without a key that it takes: 14, or twice the longest gap between two uses, the time from
   * the beginning of tracking to the first use being one; of a client whose uses are all within 7
   * days, or that never came, at least 35; more where the store forgets too early. Only watched time counts as such days.
   */
  readonly quietDays: number;
  /** That gap in days, rounded up; absent if all its uses are within 7 days. */
  readonly longestGapDays?: number;
  /** When it will be, if no key comes until then; absent if it is, or if nothing was counted yet. */
  readonly from?: string;
}

/** One client. */
export interface ClientReport {
  readonly client: string;
  /** Whose client it is; absent: not told, and there is no other. `''`: not told. */
  readonly issuer?: string;
  /** What lists call it, where there are clients of several issuers; else they use `client`. */
  readonly ref?: string;
  readonly owner?: string;
  readonly cohort?: string;
  /** What the plan says of it today, routes apart. */
  readonly mode: Mode;
  readonly standing: ClientState;
  readonly sunsetAt?: string;
  readonly daysToSunset?: number;
  readonly status: ClientStatus;
  readonly safeToCut: SafeToCut;
  /** A key of its own came, accepted or not, or beside a token. */
  readonly lastKeyUse?: string;
  readonly firstTokenUse?: string;
  readonly lastTokenUse?: string;
  /** Requests with a key of its own, accepted or not. */
  readonly keyRequests: Recent;
  /** Requests let in with a token. */
  readonly tokenRequests: Recent;
  readonly refusedRequests: Recent;
  /** 50 at most, like each list of a client; see `leftOut`. */
  readonly keys: readonly KeyReport[];
  /** What still uses keys, the most recent first; templates and user agents of the last 30 days. */
  readonly routes: readonly (Tallied & { readonly route: string })[];
  readonly agents: readonly (Tallied & { readonly agent: string })[];
  /** Requests of which it is certain that they were its own, in the last 30 days. */
  readonly refusals: readonly Refused[];
  /**
   * Refused tokens that say they are its own, in the last 30 days. Anybody can write that into a token:
   * no status, list or figure rests on it.
   */
  readonly unverified: readonly Refused[];
  /** What report-only checks would have refused in the last 30 days. */
  readonly wouldDeny: readonly Refused[];
  /** How many more each list would have, by its name; absent if none was cut. */
  readonly leftOut?: Readonly<Record<string, number>>;
}

/** A brownout, and what it taught. */
export interface BrownoutReport {
  /** Its start in the plan. */
  readonly start: string;
  readonly end?: string;
  /** Requests. */
  readonly refused: number;
  readonly clients: readonly {
    readonly client: string;
    readonly refused: number;
    /** What it came with after the last refusal: a key wins over a token. */
    readonly cameBack: 'token' | 'key' | 'never';
  }[];
  /** Clients beyond the first 1000. */
  readonly leftOut?: number;
}

/** How many, of how many. */
export interface Share {
  readonly total: number;
  readonly migrated: number;
  /** Still to move: neither migrated, nor inactive and safe to cut. */
  readonly left: number;
  /** 0 to 100, rounded down; absent if there are none. */
  readonly percent?: number;
}

/** Requests let in; `percent` of them with a token, rounded down. */
export interface Traffic {
  readonly key: number;
  readonly token: number;
  readonly percent?: number;
}

/**
 * When the last client will have moved, if the last weeks go on: a line through the clients with a key
 * in each of the last 12 weeks, give or take the standard error of its slope, and never sooner than 30
 * to 60 days from now, which is the notice that clients are to have. `done`: no key for 14 days, and none
 * that may not have been counted.
 */
export type Projection =
  | { readonly state: 'done' }
  | { readonly state: 'no trend'; readonly why: string }
  | { readonly state: 'range'; readonly from: string; readonly to: string };

/** Something that a person should look at. */
export interface Risk {
  readonly kind: 'key-in-url' | 'key-beside-token' | 'personal-key' | 'short-notice' | 'late-check';
  readonly client?: string;
  readonly key?: string;
  /** In a sentence, without a credential. */
  readonly detail: string;
}

/** How far a migration is. No credential, and of persons only what was handed in. */
export interface MigrationReport {
  /** The form of this object; it changes when a member changes its meaning. */
  readonly schema: 'sallyport-report-1';
  readonly generatedAt: string;
  /** The cohort it is limited to. */
  readonly onlyCohort?: string;
  readonly plan: {
    readonly mode: Mode;
    readonly deprecatedAt?: string;
    readonly sunsetAt?: string;
    /** Whole days, negative once it is over; of a cohort, to its own sunset. */
    readonly daysToSunset?: number;
    readonly guide?: string;
  };
  readonly clientsMigrated: Share;
  readonly trafficWeek: Traffic;
  readonly trafficMonth: Traffic;
  /**
   * Every client's keys can be cut, there is a client, 35 days were watched, no request went uncounted
   * in them, all that is in the store could be read, and there is a store.
   */
  readonly safeToCut: boolean;
  /**
   * Why it is not known whether keys can be switched off, and what to do, each in a sentence; absent if
   * it is known. Never empty.
   */
  readonly notKnown?: readonly string[];
  readonly projection: Projection;
  /** Requests by day, let in or refused, the oldest first, 90 days at most, none left out. */
  readonly days: readonly {
    readonly day: string;
    readonly key: number;
    readonly token: number;
    readonly refused: number;
  }[];
  /** The issuers of the clients; absent if there is one, or none was told. */
  readonly issuers?: readonly string[];
  /** The most urgent first, 10,000 at most. All figures are of all clients. */
  readonly clients: readonly ClientReport[];
  /** How many clients have each status, and how many of them are safe to cut. */
  readonly statuses: Readonly<
    Record<ClientStatus, { readonly clients: number; readonly safe: number }>
  >;
  /** How many more each list would have, by its name; absent if none was cut. */
  readonly leftOut?: Readonly<Record<string, number>>;
  /**
   * Clients, as their `ref` or `client` names them, here and in all lists, each of 1000 at most: by
   * requests with a key in the last 30 days, 10 at most.
   */
  readonly topKeyUsers: readonly string[];
  /** Ids of clients that used both in the last 14 days. */
  readonly halfMigrated: readonly string[];
  /**
   * Ids of clients whose tokens were refused in the last 30 days, or all were since they were last let
   * in, for as long as that says something of today; verified refusals alone.
   */
  readonly failing: readonly string[];
  /**
   * Valid keys that never came; absent while fewer than 35 days were watched, or if no keys were
   * handed in.
   */
  readonly silentKeys?: readonly { readonly client: string; readonly key: string }[];
  /** Keys that belong to no client. */
  readonly orphanKeys: readonly string[];
  readonly brownouts: readonly BrownoutReport[];
  /** Extensions that have not run out. */
  readonly extensions: readonly { readonly client: string; readonly until: string }[];
  readonly risks: readonly Risk[];
  readonly dataQuality: DataQuality;
}
