/** Some time that was not watched. */
export interface UnwatchedTime {
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  /**
   * - `no guard`: no guard was running
   * - `silent`: a guard stopped flushing without being closed, and is not in `gone`
   * - `gone`: from the last flush of such a guard until the time in `gone`
   * - `not stored`: batches never reached the store, or the store lost them
   * - `unreadable`: what a guard stored cannot be read
   * - `clock`: a guard's clock was wrong, so the times of its counts are not known
   */
  readonly why: 'no guard' | 'silent' | 'gone' | 'not stored' | 'unreadable' | 'clock';
  /** The guards whose counts are missing, 10 at most. */
  readonly instances: readonly string[];
}

/** A guard that ended without being closed. */
export interface LostGuard {
  readonly instance: string;
  readonly lastTold: string;
  /** Seconds from its last flush until now, or until its end in `gone`: counts of this time are missing. */
  readonly atMostSeconds: number;
  /**
   * The earliest end to pass in `gone`: one interval after its last flush, because until then it may
   * still have been running. Absent if it is in `gone` already.
   */
  readonly earliestEnd?: string;
  /** When it ended, according to `gone`. If absent, no time since `lastTold` is watched. */
  readonly gone?: string;
}

/** How and by how much this report can be wrong. */
export interface DataQuality {
  /** The first time that the store holds counts of. */
  readonly trackingSince?: string;
  readonly daysTracked: number;
  /** Whole days of them that were watched. */
  readonly daysWatched: number;
  /** Guards that flushed within the last three intervals (at least 90 s), or were closed in the last 24 hours. */
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
   * Names of guards whose counts cannot be read, 20 at most. No time is watched until `gone` says when
   * they ended. Absent if there are none.
   */
  readonly unreadable?: readonly string[];
  /** Those beyond. */
  readonly unreadableLeftOut?: number;
  /** Guards whose clock is off by more than five minutes, 20 at most, the worst first. */
  readonly clocks?: readonly { readonly instance: string; readonly aheadSeconds: number }[];
  /** Batches that never reached the store, or that it lost. */
  readonly missingBatches: number;
  /** Requests that could not be counted by client, because a limit was reached. */
  readonly dropped: number;
  /** Accepted requests without a client id, in the last 30 days. */
  readonly withoutClient: number;
  /** How many known or counted clients were excluded (`exclude`). */
  readonly excluded: number;
  /** Each in a sentence. */
  readonly notes: readonly string[];
}
