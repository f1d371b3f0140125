import { fork } from 'node:child_process';
import { once } from 'node:events';
import { keyPool } from '../contestants/sallyport.mjs';
import { nobody, servers } from '../contestants/servers.mjs';
import { part } from '../harness/part.mjs';
import { interleave, quantile } from '../harness/rounds.mjs';
import { mint } from '../harness/tokens.mjs';

const connections = 64;
const settling = 256;
const control = 'no auth';
const dual = 'sallyport, dual mode';

part(async ({ issuer, quick }) => {
  const plan = quick
    ? { hotRounds: 3, coldRounds: 3, duration: 100, warm: 4000, coldWarm: 200, coldCount: 250 }
    : {
        hotRounds: 13,
        coldRounds: 9,
        duration: 350,
        warm: 16_000,
        coldWarm: 1000,
        coldCount: 1500,
      };
  const load = await startLoad(issuer, plan);
  const data = {};
  for (const framework of Object.keys(servers)) {
    const running = await startAll(framework, issuer);
    const measure = (job, take) => window(load, running.get(job.server), job, take);
    const hot = hotJobs(framework);
    const cold = coldJobs(framework);
    for (const job of hot) {
      // Every server has answered as many, whatever it is asked.
      const jobs = hot.filter(({ server }) => server === job.server);
      await measure(job, { count: plan.warm / jobs.length });
    }
    for (const job of cold) await measure(job, { count: plan.coldWarm });
    const hotSamples = await interleave(plan.hotRounds, hot, (job) =>
      measure(job, { duration: plan.duration }),
    );
    const coldSamples = await interleave(plan.coldRounds, cold, (job, round) =>
      measure(job, { from: plan.coldWarm + round * plan.coldCount, count: plan.coldCount }),
    );
    for (const { child } of running.values()) child.kill();
    data[framework] = { hot: sumUp(hotSamples), cold: sumUp(coldSamples) };
  }
  load.child.kill();
  return data;
});

/** What is measured: a server, and what is sent to it. */
function hotJobs(framework) {
  const keys = { pool: 'keys', against: 'no auth, asked with a key' };
  return [
    ...Object.keys(servers[framework]).map((server) => ({
      name: server === dual ? `${dual}, token` : server,
      server,
      pool: 'tokens',
    })),
    { name: keys.against, server: control, ...keys },
    { name: `${dual}, API key`, server: dual, ...keys },
  ].map((job) => ({ against: control, ...job }));
}

function coldJobs(framework) {
  return Object.keys(servers[framework])
    .filter((server) => server !== dual)
    .map((server) => ({ name: server, server, pool: 'unseen tokens', against: control }));
}

async function window(load, { child, port }, { server, pool }, take) {
  const subject = server.startsWith(control) ? nobody : undefined;
  const run = (order) => call(load.child, { task: 'run', port, subject, ...order });
  await call(load.child, { task: 'open', port, connections });
  // The first requests after a pause are slow; and they are not what is asked about.
  await run({ pool: pool === 'keys' ? pool : 'tokens', count: settling });
  await call(child, { ask: 'begin' });
  const { answered, seconds } = await run({ pool, ...take });
  const { cpu, busy } = await call(child, { ask: 'end' });
  return { rate: answered / seconds, cpu: (cpu * 1000) / answered, busy };
}

async function startLoad(issuer, { coldRounds, coldCount, coldWarm }) {
  const child = fork(new URL('../harness/http-load.mjs', import.meta.url), {
    serialization: 'advanced',
  });
  failWith(child, 'the load');
  const text = ({ headers }) => headers.map((bytes) => bytes.toString('latin1'));
  const give = (name, header, pool) =>
    call(child, { task: 'pool', name, header, values: text(pool), subjects: pool.subjects });
  await give('tokens', 'Authorization', await mint(issuer, 100));
  await give('keys', 'X-API-Key', keyPool(100));
  const unseen = await mint(issuer, coldWarm + coldRounds * coldCount);
  await give('unseen tokens', 'Authorization', unseen);
  return { child };
}

async function startAll(framework, issuer) {
  const running = await Promise.all(
    Object.keys(servers[framework]).map(async (name) => {
      const child = fork(new URL('../harness/http-server.mjs', import.meta.url), {
        // While a server waits for its turn, the engine would clear up what it has learned.
        execArgv: ['--expose-gc', '--no-memory-reducer'],
        env: { ...process.env, NODE_ENV: 'production' },
      });
      failWith(child, `the server with ${name}`);
      const { port } = await call(child, { framework, name, issuer });
      return [name, { child, port }];
    }),
  );
  return new Map(running);
}

async function call(child, message) {
  const answered = once(child, 'message');
  child.send(message);
  const [answer] = await answered;
  return answer;
}

function failWith(child, name) {
  child.once('exit', (code) => {
    if (code === null || code === 0) return;
    console.error(`${name} failed (exit code ${code})`);
    process.exit(1);
  });
}

/** Shares and differences are taken within a round, against the same handler without auth. */
function sumUp(samples) {
  const byName = new Map([...samples].map(([job, taken]) => [job.name, taken]));
  const own = byName.get('sallyport');
  const summary = {};
  for (const [{ name, against }, taken] of samples) {
    const base = byName.get(against);
    const shares = taken.map(({ rate }, round) => rate / base[round].rate);
    summary[name] = {
      rate: quantile(taken.map(({ rate }) => rate)),
      share: quantile(shares),
      low: quantile(shares, 0.25),
      high: quantile(shares, 0.75),
      cpu: quantile(taken.map(({ cpu }) => cpu)),
      added: quantile(taken.map(({ cpu }, round) => cpu - base[round].cpu)),
      busy: quantile(taken.map(({ busy }) => busy)),
      toSallyport: quantile(taken.map(({ rate }, round) => rate / own[round].rate)),
    };
  }
  return summary;
}
