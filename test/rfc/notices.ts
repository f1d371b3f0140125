import fc from 'fast-check';
import {
  checkPlan,
  type Decision,
  type Guard,
  type MigrationPlan,
  type SharedOptions,
} from '../../src/index.js';
import { requestOf } from './ask.js';
import { guardFor, now } from './mint.js';

/** A structured field that is one Date, in seconds since 1970; as it is serialized, without parameters. */
export function parseDate(field: string | undefined): number {
  // RFC 9651 §3.3.7, §3.3.1.
  const [, seconds] = /^@(0|-?[1-9]\d{0,14})$/.exec(field ?? '') ?? [];
  if (seconds === undefined) throw new SyntaxError(`no Date: ${JSON.stringify(field)}`);
  return Number(seconds);
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const fixdate = /^(\w{3}), (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;

/** An IMF-fixdate, in seconds since 1970; RFC 9110 §5.6.7, where the others are obsolete. */
export function parseFixdate(field: string | undefined): number {
  const [, name, day, month = '', ...rest] = fixdate.exec(field ?? '') ?? [];
  const [year, hour, minute, second] = rest.map(Number) as [number, number, number, number];
  const time = new Date(Date.UTC(year, months.indexOf(month), Number(day), hour, minute, second));
  const same = [
    days[time.getUTCDay()],
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCSeconds(),
  ];
  // A day of another name, and one that rolls over, is none.
  if (!months.includes(month) || `${same}` !== `${[name, Number(day), hour, second]}`) {
    throw new SyntaxError(`no IMF-fixdate: ${JSON.stringify(field)}`);
  }
  return time.getTime() / 1000;
}

/** One link of a Link field. */
export interface Link {
  readonly target: string;
  readonly relation: string;
}

// RFC 3986 §3, for what has an authority.
const pct = '%[0-9A-Fa-f]{2}';
const pchar = `(?:[\\w\\-.~!$&'()*+,;=:@]|${pct})`;
const host = `(?:\\[[0-9A-Fa-f:.]+\\]|(?:[\\w\\-.~!$&'()*+,;=]|${pct})+)`;
const rest = `(?:${pchar}|[/?])*`;
const uri = new RegExp(`^https?://${host}(?::\\d*)?(?:/${pchar}*)*(?:\\?${rest})?(?:#${rest})?$`);

/** The links of a field, to the letter of RFC 8288 §3, each with one relation and no other parameter. */
export function parseLinks(field: string | undefined): readonly Link[] {
  const links: Link[] = [];
  const link = /<([^<>"]*)>[ \t]*;[ \t]*rel="([^"]*)"[ \t]*(,[ \t]*|$)/y;
  for (let more = ','; more !== ''; ) {
    const [all, target = '', relation = '', comma = ''] = link.exec(field ?? '') ?? [];
    // RFC 8288 §2.1.1: a registered relation is a name in lower case.
    if (all === undefined || !uri.test(target) || !/^[a-z][a-z0-9.-]*$/.test(relation)) {
      throw new SyntaxError(`no Link: ${JSON.stringify(field)}`);
    }
    links.push({ target, relation });
    more = comma;
  }
  return links;
}

/** Who has a key, in the guards of these tests. */
export const owner = { id: 'key_1', clientId: 'client_1', subject: 'user_1', scopes: ['a'] };
export const keyed = requestOf({ 'x-api-key': 'key' });

/** A guard that takes keys by a plan. */
export const planned = (
  plan: MigrationPlan,
  { keys = [], ...more }: Partial<SharedOptions> & { readonly keys?: readonly unknown[] } = {},
): Guard =>
  guardFor(keys, {
    apiKeys: {
      from: [{ header: 'x-api-key' }],
      lookup: async () => owner,
      both: 'same-client',
      plan,
      onMigration: () => {},
      // Room is made for all of them at once, which takes its time.
      cache: { max: 1, negativeMax: 1 },
    },
    tokenCache: { max: 1 },
    ...more,
  });

/** What is announced on the response to a request, be it let through or not. */
export function announcedOn(decision: Decision): Readonly<Record<string, string>> {
  const { headers } = decision.allowed ? decision : decision.denial;
  const names = ['Deprecation', 'Sunset', 'Link'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.includes(name)));
}

const mode = fc.constantFrom('key-only', 'dual', 'deprecated', 'token-only');
/** Milliseconds since 1970, around the time of these tests. */
export const times = fc.oneof(
  fc.integer({ min: now() - 4e7, max: now() + 4e7 }),
  fc.integer({ min: now() - 4e10, max: now() + 4e10 }),
);
const date = times.map((time) => new Date(time).toJSON());
const guides = fc.webUrl({ validSchemes: ['https'], withQueryParameters: true });
const own = <T>(arbitrary: fc.Arbitrary<T>) => fc.dictionary(fc.constant('client_1'), arbitrary);

function isPlan(plan: unknown): boolean {
  try {
    return checkPlan(plan as MigrationPlan) === plan;
  } catch {
    return false;
  }
}

/** Any valid plan, with its dates in any order that is one. */
export const plans = fc
  .record(
    {
      mode,
      deprecatedAt: date,
      sunsetAt: date,
      guide: guides,
      refusedStatus: fc.constantFrom(401, 410),
      clients: own(
        fc.oneof(
          mode,
          fc.record({ mode: fc.constant('extension'), until: date }),
          fc.record({ cohort: fc.constant('early') }),
        ),
      ),
      brownouts: fc.array(fc.record({ start: date, end: date }), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  .chain((plan) =>
    fc
      .record(
        { mode, sunsetAt: date, percent: fc.integer({ min: 0, max: 100 }) },
        { requiredKeys: ['mode'] },
      )
      .map((early) => ({ ...plan, cohorts: { early } })),
  )
  .filter(isPlan) as fc.Arbitrary<MigrationPlan>;
