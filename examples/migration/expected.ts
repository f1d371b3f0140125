// Written by hand, from what was announced to clients, and not from the plan: so it can disagree.

/** Days of rehearsals, and for how many minutes keys are refused from 00:00, 08:00 and 16:00 on. */
const rehearsals: Readonly<Record<string, number>> = {
  '2027-05-04': 15,
  '2027-05-06': 15,
  '2027-05-11': 30,
  '2027-05-13': 30,
  '2027-05-18': 60,
  // The 20th was called off.
  '2027-05-25': 120,
  '2027-05-27': 120,
};

/** From when on a client's keys are refused for good; everybody else's from the sunset on. */
const closed: Readonly<Record<string, string>> = {
  wonka: '2027-06-09',
  vandelay: '2027-06-16',
  stark: '2027-09-30',
};
const sunset = '2027-06-30';

/** The answer to a key, in the words of {@link answerOf}. */
export function expectedOfKey(client: string, day: string, at: string): string {
  if (day >= (closed[client] ?? sunset)) return '401 ERR_API_KEY_RETIRED';
  const minute = Number(at.slice(0, 2)) * 60 + Number(at.slice(3));
  const left = (rehearsals[day] ?? 0) - (minute % 480);
  if (left > 0 && client !== 'stark') {
    return `401 ERR_API_KEY_RETIRED rehearsal, ends in ${left} minutes`;
  }
  if (day < '2027-01-04') return '200';
  if (day < '2027-02-01') return '200 guide';
  const until = client === 'stark' && day >= '2027-04-05' ? '2027-09-30' : '2027-06-30';
  return `200 guide, deprecated since 2027-02-01, until ${until}`;
}

/** The answer to a token whose audience is another's, in the same words. */
export const expectedOfBadToken = '401 ERR_TOKEN_AUDIENCE';

/** How often each client was refused with a key, in all. Nobody else ever was. */
export const refusedInAll: Readonly<Record<string, number>> = {
  tyrell: 1,
  wayne: 2,
  globex: 2,
  dunder: 1,
  wonka: 7,
  vandelay: 17,
  stark: 1,
};
