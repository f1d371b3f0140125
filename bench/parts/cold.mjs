import { createPublicKey, verify as opensslVerify } from 'node:crypto';
import { contestants, prepare } from '../contestants/index.mjs';
import { inFlight, oneAtATime } from '../harness/drive.mjs';
import { loopClock, measure, processTime, sweep } from '../harness/measure.mjs';
import { part } from '../harness/part.mjs';
import { interleave, quantile, summarise } from '../harness/rounds.mjs';
import { mint, part as some, tokenOf } from '../harness/tokens.mjs';

const algorithms = ['RS256', 'ES256', 'EdDSA'];
const modes = { 'one at a time': 1, '64 in flight': 64 };

/** Tokens that nobody has seen before. */
part(async ({ issuer, quick }) => {
  const plan = quick
    ? { rounds: 5, count: 64, warm: 512, patience: 120 }
    : { rounds: 41, count: 128, warm: 2048, patience: 400 };
  const data = { loopClock: loopClock.name };
  for (const algorithm of algorithms) {
    const pool = await mint(issuer, plan.warm + plan.rounds * plan.count, { algorithm });
    for (const [mode, lanes] of Object.entries(modes)) {
      // Contestants of its own for each mode: no token comes to anybody twice.
      const ready = await prepare(contestants, issuer, { algorithm, cached: false });
      const entries = [...ready, ...floors(issuer, algorithm, lanes)];
      data[algorithm] ??= {};
      data[algorithm][mode] = await compare(entries, pool, { ...plan, lanes });
    }
  }
  return data;
});

async function compare(entries, pool, { rounds, count, warm, patience, lanes }) {
  const counts = new Map();
  const drive = lanes === 1 ? oneAtATime : inFlight;
  const workOf = (entry, unseen) =>
    entry.prepare?.(unseen) ??
    (() => drive(entry, unseen, { count: unseen.headers.length, lanes }));
  for (const entry of entries) {
    const each = await warmUp(some(pool, 0, warm), patience, (unseen) => workOf(entry, unseen)());
    // Who needs milliseconds for a token gets fewer of them.
    counts.set(entry, Math.max(8, Math.min(count, Math.floor(20 / each))));
  }
  const samples = await interleave(rounds, entries, async (entry, round) => {
    const from = warm + round * count;
    const unseen = some(pool, from, from + counts.get(entry));
    const work = workOf(entry, unseen);
    sweep();
    return measure(unseen.headers.length, work, { loop: true });
  });
  return summarise(samples, entries[0]);
}

/** Ends with the pool, or with the patience: milliseconds of CPU time. Answers what a token took. */
async function warmUp(pool, patience, work) {
  const step = 32;
  const end = processTime() + patience;
  const each = [];
  for (let from = 0; from < pool.headers.length && processTime() < end; from += step) {
    const begun = performance.now();
    await work(some(pool, from, from + step));
    each.push((performance.now() - begun) / step);
  }
  return quantile(each);
}

/** What no verifier can be cheaper than: OpenSSL, given key, text and signature as it wants them. */
function floors(issuer, algorithm, lanes) {
  const key = createPublicKey({ key: issuer.keys[algorithm].publicJwk, format: 'jwk' });
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  const jobsOf = ({ headers }) => headers.map((header) => jobOf(header, algorithm));
  const check = (good) => {
    if (!good) throw new Error('OpenSSL refuses a good signature');
  };
  const alone = (pool) => {
    const jobs = jobsOf(pool);
    return () => {
      for (const { text, signature } of jobs) check(opensslVerify(digest, text, key, signature));
    };
  };
  const aside = (pool) => {
    const jobs = jobsOf(pool);
    let next = 0;
    const lane = (resolve, reject) => {
      if (next === jobs.length) return resolve();
      const { text, signature } = jobs[next++];
      opensslVerify(digest, text, key, signature, (error, good) => {
        if (error || !good) reject(error ?? new Error('OpenSSL refuses a good signature'));
        else lane(resolve, reject);
      });
    };
    return () => Promise.all(Array.from({ length: lanes }, () => new Promise(lane)));
  };
  return [
    { name: 'floor: OpenSSL alone', prepare: alone },
    { name: 'floor: OpenSSL with a callback', prepare: aside },
  ];
}

function jobOf(header, algorithm) {
  const token = tokenOf(header.toString('latin1'));
  const dot = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(dot + 1), 'base64url');
  return {
    text: Buffer.from(token.slice(0, dot)),
    // An options object that asks for r‖s would cost more than the conversion.
    signature: algorithm === 'ES256' ? derOf(signature) : signature,
  };
}

// RFC 3279 §2.2.3: a SEQUENCE of two INTEGERs, each without needless zeros and not negative.
function derOf(signature) {
  const integers = [signature.subarray(0, 32), signature.subarray(32)].flatMap((bytes) => {
    const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
    const value = digits[0] > 127 ? [0, ...digits] : [...digits];
    return [2, value.length, ...value];
  });
  return Buffer.from([0x30, integers.length, ...integers]);
}
