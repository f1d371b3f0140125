import { keyInHand } from '../contestants/fast-jwt.mjs';
import { prepare } from '../contestants/index.mjs';
import sallyport from '../contestants/sallyport.mjs';
import { inFlight, oneAtATime, refuseOneAtATime } from '../harness/drive.mjs';
import { measure, sweepAll } from '../harness/measure.mjs';
import { part } from '../harness/part.mjs';
import { mint } from '../harness/tokens.mjs';

// Nothing signs and verifies faster than P-256; what is remembered does not depend on it.
const algorithm = 'ES256';
const full = 10_000;
const flooding = 12_000;
const batch = 2000;
const lanes = 64;

/** What distinct tokens leave behind in the cache for verified tokens, 10 000 by default. */
part(async ({ issuer, quick }) => {
  const plan = quick ? { most: 200_000, seconds: 4 } : { most: 1_000_000, seconds: 110 };
  const bytes = {};
  for (const contestant of [sallyport, keyInHand]) {
    bytes[contestant.name] = await sizeOfEntry(contestant, issuer);
  }
  const flood = await manyTokens(issuer, plan);
  const refused = await refusedTokens(issuer);
  return { bytes, flood, refused };
});

/** Bytes for one remembered token: 10 000 that are, against none. */
async function sizeOfEntry(contestant, issuer) {
  const [first] = await prepare([contestant], issuer, { algorithm });
  await verifyNew(first, issuer, batch);
  const [entry] = await prepare([contestant], issuer, { algorithm });
  const before = await inUse();
  await verifyNew(entry, issuer, full);
  const { heap } = await inUse();
  // Both are alive to the end, so that what the first holds is in both numbers.
  await first.verify(await oneHeader(issuer));
  await entry.verify(await oneHeader(issuer));
  return (heap - before.heap) / full;
}

async function manyTokens(issuer, { most, seconds }) {
  const [entry] = await prepare([sallyport], issuer, { algorithm });
  const end = performance.now() + seconds * 1000;
  const points = {};
  let count = 0;
  let due = full;
  while (count < most && performance.now() < end) {
    await verifyNew(entry, issuer, full);
    count += full;
    if (count < due) continue;
    points[count] = await inUse();
    due += Math.max(full, most / 10);
  }
  points[count] = await inUse();
  return points;
}

/** Whether tokens that are refused displace any that are remembered: then these cost a signature. */
async function refusedTokens(issuer) {
  const [entry] = await prepare([sallyport], issuer, { algorithm });
  const good = await mint(issuer, full, { algorithm });
  await inFlight(entry, good, { count: full, lanes });
  const again = () => measure(full, () => oneAtATime(entry, good, { count: full }));
  await again();
  const before = await again();
  const spoil = (token) =>
    token.slice(0, -8) + (token.at(-8) === 'A' ? 'B' : 'A') + token.slice(-7);
  for (let count = 0; count < flooding; count += batch) {
    const bad = await mint(issuer, batch, { algorithm, spoil });
    await refuseOneAtATime(entry, bad, { count: batch });
  }
  const after = await again();
  return { refused: flooding, before: before.cpu, after: after.cpu };
}

async function verifyNew(entry, issuer, count) {
  let ready = mint(issuer, batch, { algorithm });
  for (let done = 0; done < count; done += batch) {
    const pool = await ready;
    ready = done + batch < count ? mint(issuer, batch, { algorithm }) : undefined;
    await inFlight(entry, pool, { count: batch, lanes });
  }
}

async function oneHeader(issuer) {
  const { headers } = await mint(issuer, 1, { algorithm });
  return headers[0].toString('latin1');
}

async function inUse() {
  // What waits for a turn of the event loop is let go first.
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    sweepAll();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
