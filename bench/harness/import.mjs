import { createRequire } from 'node:module';

/**
 * Loads modules in a process that has loaded nothing else, and tells what that took, or how many
 * modules of files it were. Every script that V8 compiles is counted, ES module or CommonJS.
 */
const [how, what, ...specifiers] = process.argv.slice(2);
const require = createRequire(import.meta.url);

const load = async () => {
  for (const specifier of specifiers) {
    if (how === 'require') require(specifier);
    else await import(specifier);
  }
};

async function time() {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  await load();
  const wall = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000 };
}

async function count() {
  const { Session } = await import('node:inspector');
  const files = new Set();
  const session = new Session();
  session.connect();
  session.on('Debugger.scriptParsed', ({ params: { url } }) => {
    if (url.startsWith('file:') && url !== import.meta.url) files.add(url);
  });
  session.post('Debugger.enable');
  await load();
  return { modules: files.size };
}

const found = await (what === 'count' ? count() : time());
process.stdout.write(JSON.stringify(found), () => process.exit(0));
