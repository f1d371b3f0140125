import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestIssuer } from 'sallyport/testing';
import { startApi } from './api.js';
import { callers, storedKeys } from './clients.js';
import { closing } from './closing.js';
import { refusedInAll } from './expected.js';
import { opening } from './opening.js';
import { createScene, planOf } from './scene.js';
import { createTeller } from './teller.js';
import { type Entry, live, type World } from './year.js';

// A whole migration, from the first day to the last, as in docs/migration.md.

const { values } = parseArgs({ options: { html: { type: 'string' } } });
const pagePath = values.html ?? join(tmpdir(), 'sallyport-migration-report.html');

const clock = { time: Date.parse('2026-11-02') };
const now = () => clock.time;
const issuer = await createTestIssuer({ audience: 'https://api.example.com', now });
const api = await startApi(issuer, planOf('1-inventory'));
const world: World = { api, issuer, clock, entries: [] };
const teller = createTeller();
const { title, chapter, check, end } = teller;
const scene = createScene(world, teller);
const cut = new Map<string, string>();

title(
  'An API leaves API keys: 40 clients, one year, a few seconds',
  `Every request is a real one, over HTTP, with a real key or a real token; only the calendar is
  played. What each client should be answered is written down by hand and compared, request by
  request; so are the reports, of which the heads are shown.`,
);
await live(world, ['2026-11-02', '2027-10-18'], {
  ...opening(scene),
  ...closing(scene, pagePath, cut),
});

chapter('In the end', 'Was anybody surprised?');
const wrong = world.entries.filter(({ answer, expected }) => answer !== expected);
const told = (entry: Entry) =>
  `${entry.client} on ${entry.day} with ${entry.with}: ${entry.answer}, not ${entry.expected}`;
const count = world.entries.length;
check(
  `${count} requests, each answered as its client was told before`,
  wrong.slice(0, 5).map(told),
  [],
);

const withKey = world.entries.filter((entry) => entry.with === 'key');
const late = withKey.filter(({ client, day }) => day >= (cut.get(client) ?? '9999'));
check(`none of the ${cut.size} that were cut as safe came with a key again`, late.map(told), []);

const refused: Record<string, number> = {};
for (const { client, answer } of withKey) {
  if (answer.startsWith('401')) refused[client] = (refused[client] ?? 0) + 1;
}
check(
  `refused with a key, in the whole year: ${Object.keys(refusedInAll).join(', ')}, nobody else`,
  Object.entries(refused).sort(),
  Object.entries(refusedInAll).sort(),
);

const answers = async (headers: readonly Record<string, string>[]) => {
  const statuses = headers.map(
    async (one) => (await fetch(`${api.origin}/orders`, { headers: one })).status,
  );
  return [...new Set(await Promise.all(statuses))];
};
const keys = [...api.keys.values()].map((key) => ({ 'x-api-key': key }));
check(`all ${storedKeys.length} keys are refused`, [keys.length, await answers(keys)], [40, [401]]);
const movers = [...new Set(callers.map(({ client }) => client))].filter(
  (client) => client !== 'dunder' && client !== 'key_39',
);
const tokens = await Promise.all(
  movers.map(async (clientId) => {
    const token = await issuer.token({ clientId, orgId: clientId, scopes: ['orders:read'] });
    return { authorization: `Bearer ${token}` };
  }),
);
check(
  `all ${movers.length} clients that moved are let in`,
  [movers.length, await answers(tokens)],
  [36, [200]],
);
console.log(`\n  The report of 1 June as a page: ${pagePath}`);

await api.close();
if (!end()) process.exitCode = 1;
