import { keyedVerifier, keyPool } from '../contestants/sallyport.mjs';
import { oneAtATime } from '../harness/drive.mjs';
import { measure, sweep } from '../harness/measure.mjs';
import { part } from '../harness/part.mjs';
import { interleave, summarise } from '../harness/rounds.mjs';

const empty = { trackingSince: undefined, rows: [], instances: [] };
const read = async () => empty;

/** Where counts go; a flush is begun before each sample, and never waited for. */
const usages = {
  'not counted': () => false,
  'counted in memory': () => ({}),
  'into a store that is slow': () => ({
    store: { add: () => new Promise((done) => setTimeout(done, 100)), read },
  }),
  'into a store that is full': () => ({
    store: { add: () => Promise.reject(new Error('OOM command not allowed')), read },
  }),
  'into a store that never answers': () => ({ store: { add: () => new Promise(() => {}), read } }),
};

/** What it costs a request to be counted, whatever becomes of the counts. */
part(async ({ issuer, quick }) => {
  const plan = quick ? { rounds: 7, count: 1000 } : { rounds: 41, count: 5000 };
  const pool = keyPool(100);
  const entries = [];
  for (const [name, usage] of Object.entries(usages)) {
    const { verify, flush } = await keyedVerifier(issuer, usage());
    const entry = { name, verify, flush };
    for (let i = 0; i < 4; i++) await oneAtATime(entry, pool, { from: 0, count: plan.count });
    entries.push(entry);
  }
  const samples = await interleave(plan.rounds, entries, async (entry) => {
    sweep();
    entry.flush().catch(() => {});
    return measure(plan.count, () => oneAtATime(entry, pool, { from: 0, count: plan.count }));
  });
  return summarise(samples, entries[0]);
});
