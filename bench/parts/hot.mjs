import { hash } from 'node:crypto';
import { contestants, prepare } from '../contestants/index.mjs';
import { dual, keyPool } from '../contestants/sallyport.mjs';
import { inFlight, oneAtATime } from '../harness/drive.mjs';
import { measure, processTime, sweep } from '../harness/measure.mjs';
import { part } from '../harness/part.mjs';
import { interleave, quantile, summarise } from '../harness/rounds.mjs';
import { mint, part as some, tokenOf } from '../harness/tokens.mjs';

/** Tokens that come again and again. */
part(async ({ issuer, quick }) => {
  const plan = quick
    ? { rounds: 7, sizes: [1, 100, 1000], sample: 4, patience: 150 }
    : { rounds: 41, sizes: [1, 100, 10_000], sample: 6, patience: 500 };
  const most = Math.max(...plan.sizes);
  const pool = await mint(issuer, most);
  const entries = [
    ...(await prepare(contestants, issuer)).map((entry) => ({ ...entry, pool })),
    {
      name: 'sallyport, API key',
      remembersTokens: true,
      verify: await dual.verifier(issuer),
      pool: keyPool(most),
    },
    { name: 'floor: SHA-256 + Map look-up', verify: lookUp(pool), pool },
    { name: 'floor: nothing at all', verify: readOff(pool), pool },
  ];
  for (const entry of entries) {
    if (entry.remembersTokens) await inFlight(entry, entry.pool, { count: most, lanes: 64 });
  }
  const data = {};
  for (const size of plan.sizes) {
    data[size] = await compare(entries, { ...plan, size });
  }
  return data;
});

async function compare(entries, { rounds, size, sample, patience }) {
  const state = new Map();
  for (const entry of entries) {
    const pool = some(entry.pool, 0, size);
    const each = await warmUp(entry, pool, patience);
    const count = Math.max(8, Math.min(5000, Math.floor(sample / each)));
    state.set(entry, { pool, count, from: 0 });
  }
  const samples = await interleave(rounds, entries, (entry) => {
    const { pool, count, from } = state.get(entry);
    state.get(entry).from = from + count;
    sweep();
    return measure(count, () => oneAtATime(entry, pool, { from, count }));
  });
  return summarise(samples, entries[0]);
}

/** Spends `patience` milliseconds of CPU time. Answers what a token took in the middle. */
async function warmUp(entry, pool, patience) {
  const count = 32;
  const end = processTime() + patience;
  const each = [];
  for (let from = 0; processTime() < end; from += count) {
    const begun = performance.now();
    await oneAtATime(entry, pool, { from, count });
    each.push((performance.now() - begun) / count);
  }
  return quantile(each);
}

/** What nobody can be cheaper than who finds a token by its digest. */
function lookUp(pool) {
  const digestOf = (token) => hash('sha256', token, 'latin1');
  const subjects = new Map(
    pool.headers.map((header, i) => [
      digestOf(tokenOf(header.toString('latin1'))),
      pool.subjects[i],
    ]),
  );
  return (authorization) => subjects.get(digestOf(tokenOf(authorization)));
}

/** What the harness itself costs: making the string, asking, comparing the answer. */
const readOff = (pool) => (authorization, i) =>
  authorization.length > 0 ? pool.subjects[i] : undefined;
