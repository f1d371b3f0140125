import { withDeadline } from '../base/deadline.js';
import { UpstreamError } from '../base/errors.js';
import { has, isObject, memberOf, own } from '../base/json.js';
import { doInSlices, doNow, type Sliced } from '../base/slices.js';
import { messageOf } from '../base/thrown.js';
import { callable, invalid, seconds } from '../base/validate.js';
import type { ClientStates, EmitMigration } from './events.js';
import { type ParsedPlan, parsePlan, planFrom, planNames } from './parse.js';
import type { MigrationPlan, Plan, PlanSource } from './plan.js';
import { planWarnings } from './warnings.js';

/** Gives access to the plan that is in force. */
export interface OpenPlan {
  /** Returns the plan in force; undefined until the first one is loaded. */
  current(): Plan | undefined;
  /**
   * Resolves once a plan is in force.
   * @throws UpstreamError if the first load fails, or the guard is closed before it ends
   */
  ready(): Promise<void>;
  /** Stops polling. */
  close(): void;
}

interface Surroundings {
  readonly now: () => number;
  readonly emit: EmitMigration;
  readonly states: ClientStates;
  /** The guard's issuers: a client id is unique only within its issuer. */
  readonly issuers: readonly string[];
}

const loadTimeout = 10_000;

/**
 * Reads a plan, or polls its source in the background. The last valid plan stays in force.
 * @throws ConfigError for an invalid plan or an invalid `initial` plan
 */
export function openPlan(
  given: MigrationPlan | PlanSource | undefined,
  surroundings: Surroundings,
): OpenPlan {
  if (isSource(given)) return pollPlan(given, surroundings);
  const { current, apply } = createCurrentPlan(surroundings);
  if (given !== undefined) doNow(apply(given));
  const plan = current() ?? parsePlan('plan', {}, surroundings.issuers);
  return { current: () => plan, ready: async () => {}, close: () => {} };
}

function pollPlan(source: PlanSource, surroundings: Surroundings): OpenPlan {
  const { now, emit } = surroundings;
  const { current, apply } = createCurrentPlan(surroundings);
  const interval = checkSource(source);
  const closing = new AbortController();
  const deadline = {
    milliseconds: loadTimeout,
    late: 'ERR_PLAN_UNAVAILABLE',
    closing: closing.signal,
  } as const;
  let timer: NodeJS.Timeout | undefined;
  let failure: string | undefined;
  const initial = memberOf(source, 'initial');
  if (initial !== undefined) doNow(apply(initial));

  async function load(): Promise<void> {
    try {
      const loaded = await withDeadline(deadline, async () => source.load());
      await doInSlices(apply(loaded), closing.signal);
      failure = undefined;
    } catch (error) {
      if (closing.signal.aborted) return;
      // Emitted once per reason, not on every poll.
      const state = current() ? 'the last valid plan stays in force' : 'no plan is loaded';
      const detail = `${state}: ${messageOf(error)}`;
      if (detail !== failure) emit({ time: now(), kind: 'plan-failed', detail });
      failure = detail;
    }
  }

  // Schedules the next poll whatever happens, even if `now` throws.
  async function refresh(): Promise<void> {
    await load().catch(() => {});
    if (closing.signal.aborted) return;
    // Jitter, so that processes do not poll at the same moment.
    timer = setTimeout(() => void refresh(), interval * (900 + 200 * Math.random()));
    timer.unref?.(); // On Workers, a timer is a number.
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

/** Stores the last valid plan, and emits events when another one replaces it. */
function createCurrentPlan({ now, emit, states, issuers }: Surroundings) {
  let plan: Plan | undefined;
  /** The last input and its result, so that the same text is not parsed again. */
  let last: { readonly given: unknown; readonly error: unknown } | undefined;
  let members: ReadonlyMap<string, string> = new Map();

  function* read(given: unknown): Sliced<ParsedPlan> {
    if (typeof given === 'string' && given === last?.given && last.error) throw last.error;
    try {
      return yield* planFrom('plan', given, issuers);
    } catch (error) {
      last = { given, error };
      throw error;
    }
  }

  function* apply(given: unknown): Sliced<void> {
    if (plan && typeof given === 'string' && given === last?.given && !last.error) return;
    const { plan: next, source } = yield* read(given);
    last = { given, error: undefined };
    const before = { plan, members };
    members = yield* membersOf(source);
    const changed = [...new Set([...before.members.keys(), ...members.keys()])]
      .filter((name) => before.members.get(name) !== members.get(name))
      .sort();
    if (plan && changed.length === 0) return;
    const time = now();
    emit({ time, kind: 'plan', changed });
    for (const detail of planWarnings(next, time)) emit({ time, kind: 'warning', detail });
    plan = next;
    if (before.plan) yield* states.turn(before.plan, next);
  }

  return { current: () => plan, apply };
}

// A source may be an instance of a class, so `load` may be inherited.
const isSource = (given: unknown): given is PlanSource =>
  typeof given === 'object' && given !== null && has(given, 'load');

function checkSource(given: PlanSource): number {
  for (const name of Object.keys(given)) {
    if (!planNames.includes(name)) continue;
    throw invalid(`plan.${name}`, own(given, name), {
      must: 'not be set beside "load"',
      advice: 'Put it into the plan that load() returns',
    });
  }
  callable('plan.load', given.load);
  return seconds('plan.pollInterval', has(given, 'pollInterval') ? given.pollInterval : 60, {
    min: 0.001,
    max: 86_400,
  });
}

// Serialises each member, to find those that differ from the previous plan. In slices, because
// there may be 100,000 clients.
function* membersOf(source: object): Sliced<ReadonlyMap<string, string>> {
  const members = new Map<string, string>();
  for (const [name, member] of Object.entries(source)) {
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
 * Validates a plan before it comes into force, for example in CI, and returns it as an object.
 * @param options.issuers The issuers of the guard. Without them, a plan may name any issuer or none.
 * @throws ConfigError with all errors, one per line and at most 20; for JSON text, with line numbers
 */
export function checkPlan(
  plan: MigrationPlan | string,
  { issuers }: { readonly issuers?: readonly string[] } = {},
): MigrationPlan {
  parsePlan('plan', plan, issuers);
  return typeof plan === 'string' ? JSON.parse(plan) : plan;
}
