import { randomBytes } from 'node:crypto';
import { keyInHand } from '../contestants/fast-jwt.mjs';
import { contestants, prepare } from '../contestants/index.mjs';
import { refuseOneAtATime } from '../harness/drive.mjs';
import { measure, processTime, sweep } from '../harness/measure.mjs';
import { part } from '../harness/part.mjs';
import { interleave, quantile, summarise } from '../harness/rounds.mjs';
import { mint, part as some } from '../harness/tokens.mjs';

const withClaims = (parts, claims) => ({ ...parts, claims: { ...parts.claims, ...claims } });

/** Tokens that are no good, none of them twice. But for the one thing each of them is in order. */
const cases = {
  'garbage of 8 KB': (_, count) => garbage(count, () => noise(8192)),
  'garbage of 8 KB in three segments': (_, count) =>
    garbage(count, () => [noise(48), noise(7800), noise(342)].join('.')),
  expired: (issuer, count) =>
    mint(issuer, count, { bend: (parts) => withClaims(parts, { exp: parts.claims.iat - 600 }) }),
  'wrong audience': (issuer, count) =>
    mint(issuer, count, { bend: (parts) => withClaims(parts, { aud: 'https://b.example.com' }) }),
  'unknown kid': (issuer, count) =>
    mint(issuer, count, {
      bend: (parts) => ({ ...parts, header: { ...parts.header, kid: noise(12) } }),
    }),
  'bad signature': (issuer, count) =>
    mint(issuer, count, { spoil: (token) => token.slice(0, -20) + noise(19) + token.at(-1) }),
};

part(async ({ issuer, quick, ask }) => {
  const plan = quick
    ? { rounds: 5, count: 24, warm: 400, patience: 40 }
    : { rounds: 31, count: 64, warm: 1024, patience: 250 };
  const data = {};
  for (const [name, make] of Object.entries(cases)) {
    const pool = await make(issuer, plan.warm + plan.rounds * plan.count);
    // With the key in hand, nobody asks which it is.
    const able = contestants.filter((one) => name !== 'unknown kid' || one !== keyInHand);
    const ready = await prepare(able, issuer);
    data[name] = await compare(ready, pool, { ...plan, ask });
  }
  return data;
});

async function compare(entries, pool, { rounds, count, warm, patience, ask }) {
  const seen = new Map();
  for (const entry of entries) {
    const each = await warmUp(entry, some(pool, 0, warm), patience);
    const own = Math.max(4, Math.min(count, Math.floor(15 / each)));
    seen.set(entry, { own, statuses: {}, fetches: [] });
  }
  const samples = await interleave(rounds, entries, async (entry, round) => {
    const { own, statuses, fetches } = seen.get(entry);
    const from = warm + round * count;
    const before = await ask('fetches');
    let refused = {};
    sweep();
    const times = await measure(own, async () => {
      refused = await refuseOneAtATime(entry, pool, { from, count: own });
    });
    fetches.push(((await ask('fetches')) - before) / own);
    for (const status of Object.keys(refused)) statuses[status] = true;
    return times;
  });
  const summary = summarise(samples, entries[0]);
  for (const [{ name }, { statuses, fetches }] of seen) {
    summary[name].answers = Object.keys(statuses).join(', ');
    summary[name].fetches = fetches.reduce((sum, each) => sum + each, 0) / fetches.length;
  }
  return summary;
}

/** Ends with the pool, or with the patience: milliseconds of CPU time. Answers what a token took. */
async function warmUp(entry, pool, patience) {
  const count = 8;
  const end = processTime() + patience;
  const each = [];
  for (let from = 0; from < pool.headers.length && processTime() < end; from += count) {
    const begun = performance.now();
    await refuseOneAtATime(entry, pool, { from, count });
    each.push((performance.now() - begun) / count);
  }
  return quantile(each);
}

const noise = (length) => randomBytes(length).toString('base64url').slice(0, length);

const garbage = (count, make) => ({
  headers: Array.from({ length: count }, () => Buffer.from(`Bearer ${make()}`, 'latin1')),
  subjects: [],
});
