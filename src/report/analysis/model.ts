import type { ClientState, Mode } from '../../index.js';
import type { DataQuality } from './model-quality.js';

export type * from './model-quality.js';

/**
 * The status of a client: the first that matches. A client is on keys if it sent a key in the last 14
 * days, accepted or not. Only watched days count, so a status does not change because nothing was
 * recorded. Unverified requests do not change it either.
 * - `extended`: on keys, with an extension that has not expired
 * - `unknown`: no key for 14 days, but a key may not have been counted: see `safeToCut.why`
 * - `migrated`: no key for 14 days, and a token since its last key
 * - `inactive`: no key and no token for 14 days
 * - `overdue`: on keys, and its sunset is less than 30 days away, or past
 * - `blocked`: on keys, and none of its tokens was accepted and some were rejected in the last 14 days
 * - `in progress`: keys and tokens in the last 14 days
 * - `on keys`: only keys
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

/** Whether a client's keys can be disabled without breaking anything. */
export interface SafeToCut {
  readonly safe: boolean;
  /**
   * `false` if it is not known whether the keys are safe to disable, because too little time was
   * watched, or because a key of the client may not have been counted; absent otherwise.
   */
  readonly known?: false;
  /** In a sentence. */
  readonly why: string;
  /**
   * The required number of watched days without a key: 14, or twice the longest gap between two uses.
   * The time from the start of tracking to the first use counts as a gap. At least 35 if all uses are
   * within 7 days, or if there are none; more if the store deletes counts too early.
   */
  readonly quietDays: number;
  /** That gap in days, rounded up; absent if all its uses are within 7 days. */
  readonly longestGapDays?: number;
  /** When it will be safe if no key is used until then; absent if it is safe, or nothing was counted yet. */
  readonly from?: string;
}

/** One client. */
export interface ClientReport {
  readonly client: string;
  /** The issuer of the client. Absent if it is unknown and the only one; `''` if it is unknown. */
  readonly issuer?: string;
  /** The name that lists use if there are clients of several issuers; otherwise they use `client`. */
  readonly ref?: string;
  readonly owner?: string;
  readonly cohort?: string;
  /** The mode of the client in the plan today, without the modes of routes. */
  readonly mode: Mode;
  readonly standing: ClientState;
  readonly sunsetAt?: string;
  readonly daysToSunset?: number;
  readonly status: ClientStatus;
  readonly safeToCut: SafeToCut;
  /** The last time it sent a key, accepted or not, alone or together with a token. */
  readonly lastKeyUse?: string;
  readonly firstTokenUse?: string;
  readonly lastTokenUse?: string;
  /** Requests with a key of its own, accepted or not. */
  readonly keyRequests: Recent;
  /** Requests accepted with a token. */
  readonly tokenRequests: Recent;
  readonly refusedRequests: Recent;
  /** 50 at most, like each list of a client; see `leftOut`. */
  readonly keys: readonly KeyReport[];
  /** What still uses keys, the most recent first; templates and user agents of the last 30 days. */
  readonly routes: readonly (Tallied & { readonly route: string })[];
  readonly agents: readonly (Tallied & { readonly agent: string })[];
  /** Verified rejections of this client's requests, in the last 30 days. */
  readonly refusals: readonly Refused[];
  /**
   * Rejected tokens that name this client, in the last 30 days. Anyone can write any client id into a
   * token, so no status, list or figure uses them.
   */
  readonly unverified: readonly Refused[];
  /** What report-only checks would have rejected in the last 30 days. */
  readonly wouldDeny: readonly Refused[];
  /** How many more each list would have, by its name; absent if none was cut. */
  readonly leftOut?: Readonly<Record<string, number>>;
}

/** A brownout, and what its clients did afterwards. */
export interface BrownoutReport {
  /** Its start in the plan. */
  readonly start: string;
  readonly end?: string;
  /** Requests. */
  readonly refused: number;
  readonly clients: readonly {
    readonly client: string;
    readonly refused: number;
    /** What the client sent after its last rejection; `key` if it sent both. */
    readonly cameBack: 'token' | 'key' | 'never';
  }[];
  /** Clients beyond the first 1000. */
  readonly leftOut?: number;
}

/** How many clients have migrated. */
export interface Share {
  readonly total: number;
  readonly migrated: number;
  /** Clients that are neither migrated, nor inactive and safe to cut. */
  readonly left: number;
  /** 0 to 100, rounded down; absent if there are none. */
  readonly percent?: number;
}

/** Accepted requests; `percent` of them with a token, rounded down. */
export interface Traffic {
  readonly key: number;
  readonly token: number;
  readonly percent?: number;
}

/**
 * When the last client will have migrated if the trend continues: a line through the number of clients
 * with a key in each of the last 12 weeks, plus and minus the standard error of its slope, and at least
 * 30 to 60 days from now, which is the notice that clients need. `done`: no key for 14 days, and every
 * request was counted.
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

/** The progress of a migration. Contains no credentials, and no personal data except what was passed in. */
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
   * `true` if every client is safe to cut, there is at least one client, 35 days were watched, every
   * request in them was counted, everything in the store could be read, and there is a store.
   */
  readonly safeToCut: boolean;
  /**
   * Sentences that say why it is not known whether keys can be switched off, and what to do. Never
   * empty; absent if it is known.
   */
  readonly notKnown?: readonly string[];
  readonly projection: Projection;
  /** Requests by day, accepted and rejected: the oldest first, 90 days at most, without gaps. */
  readonly days: readonly {
    readonly day: string;
    readonly key: number;
    readonly token: number;
    readonly refused: number;
  }[];
  /** The issuers of the clients; absent if there is only one, or none is known. */
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
   * Ids of clients with verified rejections of tokens: in the last 30 days, or, if all tokens were
   * rejected since the last accepted request, for as long as that keeps the client from being safe.
   */
  readonly failing: readonly string[];
  /**
   * Valid keys that were never used; absent if fewer than 35 days were watched, or if no keys were
   * passed in.
   */
  readonly silentKeys?: readonly { readonly client: string; readonly key: string }[];
  /** Keys that belong to no client. */
  readonly orphanKeys: readonly string[];
  readonly brownouts: readonly BrownoutReport[];
  /** Extensions that have not expired. */
  readonly extensions: readonly { readonly client: string; readonly until: string }[];
  readonly risks: readonly Risk[];
  readonly dataQuality: DataQuality;
}
