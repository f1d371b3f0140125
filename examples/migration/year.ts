import { Agent, get, type IncomingHttpHeaders } from 'node:http';
import type { TestIssuer } from 'sallyport/testing';
import type { Api } from './api.js';
import { type Caller, callers, type Habit, habitOn, pathOn } from './clients.js';
import { expectedOfBadToken, expectedOfKey } from './expected.js';

/** One request, and what came of it. */
export interface Entry {
  readonly client: string;
  readonly day: string;
  /** Minutes since 1970. */
  readonly minute: number;
  readonly with: 'key' | 'token' | 'bad token' | 'both';
  readonly inUrl: boolean;
  readonly answer: string;
  readonly expected: string;
}

/** What happens on a day before anybody calls. */
export type Agenda = Readonly<Record<string, () => Promise<void>>>;

const millisecondsPerDay = 86_400_000;

/** Everything there is in the story. */
export interface World {
  readonly api: Api;
  readonly issuer: TestIssuer;
  readonly clock: { time: number };
  /** All that has happened so far. */
  readonly entries: Entry[];
}

/** Lives a year, call by call, over real HTTP; each is noted with what it should have been answered. */
export async function live(
  { api, issuer, clock, entries }: World,
  [firstDay, lastDay]: readonly [string, string],
  agenda: Agenda,
): Promise<void> {
  const inOrder = callers.toSorted((one, other) => (one.at < other.at ? -1 : 1));

  async function send(
    caller: Caller,
    day: string,
    how: { with: Entry['with']; inUrl?: boolean },
  ): Promise<Entry> {
    const { client, agent, at } = caller;
    const url = new URL(pathOn(caller, day), api.origin);
    const headers: Record<string, string> = { 'user-agent': agent };
    const key = api.keys.get(client) ?? '';
    if (how.inUrl) url.searchParams.set('api_key', key);
    else if (how.with === 'key' || how.with === 'both') headers['x-api-key'] = key;
    if (how.with !== 'key') {
      const token = await issuer.token({
        clientId: client,
        subject: client,
        orgId: client,
        scopes: ['orders:read', 'invoices:read'],
        ...(how.with === 'bad token' && { audience: 'https://old-api.example.com' }),
      });
      headers.authorization = `Bearer ${token}`;
    }
    const answer = answerOf(await ask(url, headers));
    const expected =
      how.with === 'key'
        ? expectedOfKey(client, day, at)
        : how.with === 'bad token'
          ? expectedOfBadToken
          : '200';
    const minute = Math.floor(clock.time / 60_000);
    const entry = {
      client,
      day,
      minute,
      with: how.with,
      inUrl: how.inUrl === true,
      answer,
      expected,
    };
    entries.push(entry);
    return entry;
  }

  const calls: Readonly<Record<Habit, (caller: Caller, day: string) => Promise<unknown>>> = {
    key: (caller, day) => send(caller, day, { with: 'key' }),
    'key in URL': (caller, day) => send(caller, day, { with: 'key', inUrl: true }),
    token: (caller, day) => send(caller, day, { with: 'token' }),
    both: (caller, day) => send(caller, day, { with: 'both' }),
    async 'bad token, then key'(caller, day) {
      const { answer } = await send(caller, day, { with: 'bad token' });
      if (answer.startsWith('401')) await send(caller, day, { with: 'key' });
    },
    nothing: async () => {},
  };

  const last = Date.parse(lastDay);
  for (let midnight = Date.parse(firstDay); midnight <= last; midnight += millisecondsPerDay) {
    const day = dayOf(midnight);
    clock.time = midnight;
    await agenda[day]?.();
    for (const caller of inOrder) {
      clock.time = Date.parse(`${day}T${caller.at}Z`);
      await calls[habitOn(caller, day)](caller, day);
    }
  }
}

const dayOf = (time: number | string) => new Date(time).toISOString().slice(0, 10);

interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly code?: string };
}

// One connection for all: thousands of requests take a few seconds.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const ask = (url: URL, headers: Readonly<Record<string, string>>): Promise<Received> =>
  new Promise((resolve, reject) => {
    get(url, { agent, headers }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      const { statusCode: status, headers } = response;
      resolve({ status, headers, body: JSON.parse(text) });
    }).once('error', reject);
  });

/** Summarizes a response as a client sees it. */
function answerOf({ status, headers, body }: Received): string {
  if (status !== 200) {
    // Of the rejections here, only those of a brownout say when to try again.
    const wait = headers['retry-after'];
    const brownout = wait === undefined ? '' : ` brownout, ends in ${Number(wait) / 60} minutes`;
    return `${status} ${body.code}${brownout}`;
  }
  const { link, deprecation, sunset } = headers;
  const announced = [
    link && 'guide',
    deprecation && `deprecated since ${dayOf(Number(String(deprecation).slice(1)) * 1000)}`,
    sunset && `until ${dayOf(String(sunset))}`,
  ].filter((one) => one);
  return `200 ${announced.join(', ')}`.trim();
}
