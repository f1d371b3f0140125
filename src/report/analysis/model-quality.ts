/** Some time that was not watched. */
export interface UnwatchedTime {
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  /**
   * - `no guard`: none was there
   * - `silent`: a guard fell silent without being closed, and nobody has said that it ended
   * - `gone`: from the last word of such a guard until the time at which it is said to have ended
   * - `not stored`: batches never reached the store, or the store has lost them
   * - `unreadable`: what a guard stored cannot be read, so that nobody knows what it saw
   * - `clock`: a guard's clock was wrong, so that nobody knows when what it counted happened
   */
  readonly why: 'no guard' | 'silent' | 'gone' | 'not stored' | 'unreadable' | 'clock';
  /** The guards whose counts are missing, 10 at most. */
  readonly instances: readonly string[];
}

/** A guard that ended without being closed. */
export interface LostGuard {
  readonly instance: string;
  readonly lastTold: string;
  /** Seconds since it last told, or until it is said to have ended: what it counted then is missing. */
  readonly atMostSeconds: number;
  /**
   * The earliest time to give as its end: one interval after its last word, since until then it cannot
   * be told from one that runs. Absent if somebody has said when it ended.
   */
  readonly earliestEnd?: string;
  /** When it ended, as somebody has said; absent: nobody has, and nothing is watched since `lastTold`. */
  readonly gone?: string;
}

/** When this report can be wrong, and by how much. */
export interface DataQuality {
  /** The first time that the store holds counts of. */
  readonly trackingSince?: string;
  readonly daysTracked: number;
  /** Whole days of them that were watched. */
  readonly daysWatched: number;
  /** Guards that have told in the last three intervals, 90 s at least, or were closed today. */
  readonly reporting: number;
  readonly lastTold?: string;
  /** What was not watched: in all, and the longest stretches, 20 at most. */
  readonly unwatched: {
    readonly seconds: number;
    readonly stretches: readonly UnwatchedTime[];
    /** Stretches that are not listed, all shorter. */
    readonly leftOut: number;
  };
  /** Guards that ended without being closed, the last first, 20 at most. */
  readonly lost: readonly LostGuard[];
  /** Those beyond. */
  readonly lostLeftOut?: number;
  /**
   * What is in the store by the name of a guard and cannot be read, 20 at most: until somebody says
   * when that guard ended (`gone`), nothing is watched. Absent if there is none.
   */
  readonly unreadable?: readonly string[];
  /** Those beyond. */
  readonly unreadableLeftOut?: number;
  /** Guards whose clock is off by more than five minutes, 20 at most, the worst first. */
  readonly clocks?: readonly { readonly instance: string; readonly aheadSeconds: number }[];
  /** Batches that never reached the store, or that it has lost. */
  readonly missingBatches: number;
  /** Requests that there was no room to count by client. */
  readonly dropped: number;
  /** Requests let in that name no client, in the last 30 days. */
  readonly withoutClient: number;
  /** Clients left out as the team's own, of those that are known or were counted. */
  readonly excluded: number;
  /** Each in a sentence. */
  readonly notes: readonly string[];
}
