/**
 * How a client calls the API: with its key in a header or in the URL, with a token, with one of
 * another audience and, when that is refused, with the key; with both at once; or not any more.
 */
export type Habit = 'key' | 'key in URL' | 'token' | 'bad token, then key' | 'both' | 'nothing';

/** One program of a client, and when it calls. */
export interface Caller {
  /** The id of the client; of an orphan the id of its key. */
  readonly client: string;
  readonly agent: string;
  /** HH:MM, UTC. */
  readonly at: string;
  readonly days: 'every day' | 'weekdays' | 'twice a week' | 'mondays' | 'first of the month';
  /** What it does from a day on. */
  readonly habits: readonly (readonly [from: string, habit: Habit])[];
  /** What it asks for from a day on. @default `/orders` */
  readonly paths?: readonly (readonly [from: string, path: string])[];
}

/** An API key as the API's table has it. */
export interface StoredKey {
  readonly id: string;
  readonly clientId?: string;
  readonly createdBy?: string;
}

const began = '2026-11-02';

/** A client that calls twice a week, until a day with its key, from then on with tokens. */
const moves = (client: string, at: string, on: string): Caller => ({
  client,
  at,
  agent: `${client}/2.1`,
  days: 'twice a week',
  habits: [
    [began, 'key'],
    [on, 'token'],
  ],
});

// Whom nobody has to worry about.
const willing: readonly Caller[] = [
  moves('checkout', '08:10', '2027-01-11'),
  moves('search', '10:20', '2027-01-12'),
  moves('warehouse', '16:05', '2027-01-18'),
  moves('aperture', '09:00', '2027-01-20'),
  moves('bluth', '09:10', '2027-01-27'),
  moves('clampett', '09:20', '2027-02-02'),
  moves('dharma', '10:00', '2027-02-03'),
  moves('ewing', '10:10', '2027-02-08'),
  moves('frobozz', '10:30', '2027-02-11'),
  moves('gringotts', '11:00', '2027-02-17'),
  moves('hudsucker', '11:10', '2027-02-22'),
  moves('ingen', '11:20', '2027-03-01'),
  moves('jupiter', '12:00', '2027-03-03'),
  moves('kwik', '12:10', '2027-03-08'),
  moves('lunar', '12:20', '2027-03-10'),
  moves('monarch', '13:00', '2027-03-16'),
  moves('nakatomi', '13:10', '2027-03-22'),
  moves('oceanic', '13:20', '2027-03-25'),
  moves('planet', '14:00', '2027-04-01'),
  moves('quark', '14:10', '2027-04-07'),
  moves('roxxon', '14:20', '2027-04-13'),
  moves('sirius', '15:00', '2027-04-19'),
  moves('tessier', '15:10', '2027-04-22'),
  moves('uplink', '15:20', '2027-04-28'),
  // These two migrate because of a brownout, the second only after brownouts last half an hour.
  moves('tyrell', '08:05', '2027-05-05'),
  moves('wayne', '16:20', '2027-05-14'),
];

// Whom the report is for.
const peculiar: readonly Caller[] = [
  // A monthly job: a fortnight without a key says nothing of it.
  {
    ...moves('acme', '03:00', '2027-06-24'),
    agent: 'month-end/1.0',
    days: 'first of the month',
  },
  // A nightly job: no brownout affects it until they last two hours.
  { ...moves('globex', '01:30', '2027-05-28'), agent: 'nightly-export/0.9', days: 'every day' },
  // A fleet, half of it moved.
  { ...moves('initech', '09:40', '2027-03-01'), days: 'weekdays', agent: 'initech-web/5.0' },
  { ...moves('initech', '09:50', '2027-03-01'), days: 'weekdays', agent: 'initech-mobile/5.1' },
  { ...moves('initech', '10:40', '2027-04-20'), days: 'weekdays', agent: 'initech-batch/3.2' },
  { ...moves('initech', '10:50', '2027-05-12'), days: 'weekdays', agent: 'initech-batch/2.7' },
  {
    ...moves('hooli', '11:40', ''),
    habits: [
      [began, 'key in URL'],
      ['2027-02-15', 'token'],
    ],
  },
  // It believes that it moved in February.
  {
    ...moves('umbrella', '12:40', ''),
    days: 'weekdays',
    habits: [
      [began, 'key'],
      ['2027-02-16', 'bad token, then key'],
      ['2027-04-20', 'token'],
    ],
  },
  // Belt and braces.
  {
    ...moves('massive', '13:40', ''),
    habits: [
      [began, 'key'],
      ['2027-02-01', 'both'],
      ['2027-03-15', 'token'],
    ],
  },
  // It reads the invoices of its parent company, as any key could until now.
  {
    ...moves('soylent', '14:40', '2027-02-24'),
    paths: [
      [began, '/orgs/omni/invoices'],
      ['2026-12-21', '/orgs/soylent/invoices'],
    ],
  },
  // It rolled its first attempt back.
  {
    ...moves('wonka', '08:10', ''),
    days: 'weekdays',
    habits: [
      [began, 'key'],
      ['2027-05-05', 'token'],
      ['2027-05-10', 'key'],
      ['2027-06-10', 'token'],
    ],
  },
  // It has been shut down: its last requests are rejected in a brownout.
  {
    ...moves('dunder', '16:45', ''),
    days: 'weekdays',
    habits: [
      [began, 'key'],
      ['2027-05-19', 'nothing'],
    ],
  },
  // It never answers a mail.
  { ...moves('vandelay', '16:50', '2027-07-06'), days: 'weekdays' },
  // It has an extension, and needs all of it and a day.
  { ...moves('stark', '08:20', '2027-10-01'), days: 'weekdays' },
  // A key without a client, in a script whose author has left the company.
  {
    ...moves('key_39', '07:00', ''),
    agent: 'crm-sync/1.4',
    days: 'mondays',
    habits: [
      [began, 'key'],
      ['2027-03-08', 'nothing'],
    ],
  },
];

export const callers: readonly Caller[] = [...willing, ...peculiar];

const named = [...new Set(callers.map(({ client }) => client))].filter(
  (client) => client !== 'key_39',
);

/** One key each; `duff` has one that it never uses, and two keys belong to nobody. */
export const storedKeys: readonly StoredKey[] = [
  ...[...named, 'duff'].map((clientId, i) => ({
    id: `key_${String(i + 1).padStart(2, '0')}`,
    clientId,
  })),
  { id: 'key_39', createdBy: 'a former colleague' },
  { id: 'key_40' },
];

const weekday = (day: string) => new Date(`${day}T00:00:00Z`).getUTCDay();

/** What a caller asks for on a day. */
export const pathOn = ({ paths = [] }: Caller, day: string): string =>
  paths.findLast(([from]) => from <= day)?.[1] ?? '/orders';

/** What a caller does on a day. */
export function habitOn({ days, habits }: Caller, day: string): Habit {
  const calls =
    days === 'every day' ||
    (days === 'weekdays' && weekday(day) % 6 !== 0) ||
    (days === 'twice a week' && [2, 4].includes(weekday(day))) ||
    (days === 'mondays' && weekday(day) === 1) ||
    (days === 'first of the month' && day.endsWith('-01'));
  return (calls && habits.findLast(([from]) => from <= day)?.[1]) || 'nothing';
}
