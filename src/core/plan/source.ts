import { withDeadline } from '../base/deadline.js';
import { UpstreamError } from '../base/errors.js';
import { has, isObject, memberOf } from '../base/json.js';
import { doInSlices, doNow, type Sliced } from '../base/slices.js';
import { messageOf } from '../base/thrown.js';
import { callable, mistake, seconds } from '../base/validate.js';
import type { ClientStates, EmitMigration } from './events.js';
import { type ParsedPlan, parsePlan, planFrom, planNames } from './parse.js';
import type { MigrationPlan, Plan, PlanSource } from './plan.js';
import { planWarnings } from './warnings.js';

/** Has the plan that is in force. */
export interface OpenPlan {
  /** Undefined while no plan was ever loaded. Never waits. */
  current(): Plan | undefined;
  /**
   * Settles once a plan is in force.
   * @throws UpstreamError while none can be loaded
   */
  ready(): Promise<void>;
  /** Ends the polling. */
  close(): void;
}

interface Surroundings {
  readonly now: () => number;
  readonly tell: EmitMigration;
  readonly ledger: ClientStates;
  /** The guard's: what a plan says of one client is said of one issuer's. */
  readonly issuers: readonly string[];
}

const loadTimeout = 10_000;

/**
 * Keeps a plan, or polls its source behind the requests; the last good plan stays in force.
 * @throws ConfigError for a plan, or an initial one, that cannot be meant
 */
export function openPlan(
  given: MigrationPlan | PlanSource | undefined,
  surroundings: Surroundings,
): OpenPlan {
  if (isSource(given)) return pollPlan(given, surroundings);
  const { current, take } = holdPlan(surroundings);
  if (given !== undefined) doNow(take(given));
  const plan = current() ?? parsePlan('plan', {}, surroundings.issuers);
  return { current: () => plan, ready: async () => {}, close: () => {} };
}

function pollPlan(source: PlanSource, surroundings: Surroundings): OpenPlan {
  const { now, tell } = surroundings;
  const { current, take } = holdPlan(surroundings);
  const every = checkSource(source);
  const closing = new AbortController();
  const deadline = {
    milliseconds: loadTimeout,
    late: 'ERR_PLAN_UNAVAILABLE',
    closing: closing.signal,
  } as const;
  let timer: NodeJS.Timeout | undefined;
  let failure: string | undefined;
  const initial = memberOf(source, 'initial');
  if (initial !== undefined) doNow(take(initial));

  async function load(): Promise<void> {
    try {
      const loaded = await withDeadline(deadline, async () => source.load());
      await doInSlices(take(loaded), closing.signal);
      failure = undefined;
    } catch (error) {
      if (closing.signal.aborted) return;
      // Once, and not again with every poll for as long as it lasts.
      const detail = `${current() ? 'the plan in force stays' : 'no plan'}: ${messageOf(error)}`;
      if (detail !== failure) tell({ time: now(), kind: 'plan-failed', detail });
      failure = detail;
    }
  }

  // Whatever happens, even to the clock, it comes to a next time.
  async function refresh(): Promise<void> {
    await load().catch(() => {});
    if (closing.signal.aborted) return;
    // A little earlier or later each time, so that processes do not ask all at once.
    timer = setTimeout(() => void refresh(), every * (900 + 200 * Math.random()));
    timer.unref?.(); // Workers have numbers for timers
  }

  const first = refresh();
  return {
    current,
    async ready() {
      if (!current()) await first;
      if (current()) return;
      throw new UpstreamError('ERR_PLAN_UNAVAILABLE', failure ?? 'the guard was closed');
    },
    close() {
      closing.abort(new UpstreamError('ERR_PLAN_UNAVAILABLE', 'the guard was closed'));
      clearTimeout(timer);
    },
  };
}

/** Holds the last valid plan, and emits what another one changes. */
function holdPlan({ now, tell, ledger, issuers }: Surroundings) {
  let plan: Plan | undefined;
  /** What was given last, and what it was: the same text is not read again. */
  let last: { readonly given: unknown; readonly mistake: unknown } | undefined;
  let members: ReadonlyMap<string, string> = new Map();

  function* read(given: unknown): Sliced<ParsedPlan> {
    if (typeof given === 'string' && given === last?.given && last.mistake) throw last.mistake;
    try {
      return yield* planFrom('plan', given, issuers);
    } catch (mistake) {
      last = { given, mistake };
      throw mistake;
    }
  }

  function* take(given: unknown): Sliced<void> {
    if (plan && typeof given === 'string' && given === last?.given && !last.mistake) return;
    const { plan: next, written } = yield* read(given);
    last = { given, mistake: undefined };
    const before = { plan, members };
    members = yield* membersOf(written);
    const changed = [...new Set([...before.members.keys(), ...members.keys()])]
      .filter((name) => before.members.get(name) !== members.get(name))
      .sort();
    if (plan && changed.length === 0) return;
    const time = now();
    tell({ time, kind: 'plan', changed });
    for (const detail of planWarnings(next, time)) tell({ time, kind: 'warning', detail });
    plan = next;
    if (before.plan) yield* ledger.turn(before.plan, next);
  }

  return { current: () => plan, take };
}

// A source may be of a class.
const isSource = (given: unknown): given is PlanSource =>
  typeof given === 'object' && given !== null && has(given, 'load');

function checkSource(given: PlanSource): number {
  for (const name of Object.keys(given)) {
    if (!planNames.includes(name)) continue;
    throw mistake(`plan.${name}`, name, 'stands beside load: write it into what load answers');
  }
  callable('plan.load', given.load);
  return seconds('plan.pollInterval', has(given, 'pollInterval') ? given.pollInterval : 60, {
    min: 0.001,
    max: 86_400,
  });
}

// Text by member, to see what another plan says otherwise; that of the clients in parts.
function* membersOf(written: object): Sliced<ReadonlyMap<string, string>> {
  const members = new Map<string, string>();
  for (const [name, member] of Object.entries(written)) {
    if (!isObject(member)) {
      members.set(name, JSON.stringify(member));
      continue;
    }
    const parts: string[] = [];
    for (const entry of Object.keys(member)) {
      parts.push(JSON.stringify([entry, member[entry]]));
      yield;
    }
    members.set(name, parts.join());
  }
  return members;
}

/**
 * Checks a plan before it comes into force, for example in CI, and returns it as an object.
 * @param issuers of the guard; without them, any issuer may be named, and none has to be
 * @throws ConfigError with all mistakes, one on each of at most 20 lines, and where in the text each is
 */
export function checkPlan(
  plan: MigrationPlan | string,
  { issuers }: { readonly issuers?: readonly string[] } = {},
): MigrationPlan {
  parsePlan('plan', plan, issuers);
  return typeof plan === 'string' ? JSON.parse(plan) : plan;
}
