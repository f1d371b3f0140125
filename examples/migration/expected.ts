// Written by hand from the announcements to clients, not from the plan, so that it can detect differences.

/** The days with brownouts, and for how many minutes keys are rejected from 00:00, 08:00 and 16:00. */
const brownouts: Readonly<Record<string, number>> = {
  '2027-05-04': 15,
  '2027-05-06': 15,
  '2027-05-11': 30,
  '2027-05-13': 30,
  '2027-05-18': 60,
  // The brownout on the 20th was canceled.
  '2027-05-25': 120,
  '2027-05-27': 120,
};

/** The day from which a client's keys are rejected permanently; for all others, it is the sunset. */
const closed: Readonly<Record<string, string>> = {
  wonka: '2027-06-09',
  vandelay: '2027-06-16',
  stark: '2027-09-30',
};
const sunset = '2027-06-30';

/** Returns the expected response to a key, in the form of {@link answerOf}. */
export function expectedOfKey(client: string, day: string, at: string): string {
  if (day >= (closed[client] ?? sunset)) return '401 ERR_API_KEY_RETIRED';
  const minute = Number(at.slice(0, 2)) * 60 + Number(at.slice(3));
  const left = (brownouts[day] ?? 0) - (minute % 480);
  if (left > 0 && client !== 'stark') {
    return `401 ERR_API_KEY_RETIRED brownout, ends in ${left} minutes`;
  }
  if (day < '2027-01-04') return '200';
  if (day < '2027-02-01') return '200 guide';
  const until = client === 'stark' && day >= '2027-04-05' ? '2027-09-30' : '2027-06-30';
  return `200 guide, deprecated since 2027-02-01, until ${until}`;
}

/** The expected response to a token with another audience, in the same form. */
export const expectedOfBadToken = '401 ERR_TOKEN_AUDIENCE';

/** How many requests with a key were rejected for each client. No other client was rejected. */
export const refusedInAll: Readonly<Record<string, number>> = {
  tyrell: 1,
  wayne: 2,
  globex: 2,
  dunder: 1,
  wonka: 7,
  vandelay: 17,
  stark: 1,
};
