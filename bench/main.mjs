import { parseArgs } from 'node:util';
import { startIssuer } from './harness/issuer.mjs';
import { machine, sallyportVersion, versions } from './harness/machine.mjs';
import { runPart } from './harness/part.mjs';
import { keep, resultsFile } from './harness/results.mjs';
import { toText } from './harness/table.mjs';
import { tablesOf } from './tables.mjs';

const parts = {
  checks: 'that everybody verifies, and what gets past whom',
  cold: 'tokens never seen before',
  hot: 'tokens that come again',
  refusals: 'tokens that are no good',
  http: 'whole servers, on Express 5 and Fastify 5',
  usage: 'what counting costs, whatever becomes of the counts',
  startup: 'loading the library',
  memory: 'what a million tokens leave behind',
};

const usage = `node bench/main.mjs [--quick] [--out file] [part …]

${Object.entries(parts)
  .map(([name, what]) => `  ${name.padEnd(10)}${what}`)
  .join('\n')}

Without a part: all of them. --quick is for finding out whether it works; its numbers are rough, and
go to results.quick.json.`;

const given = parse();
if (given) await main(given);

function parse() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const unknown = positionals.find((name) => !(name in parts));
    if (unknown !== undefined) throw new Error(`"${unknown}" is no part`);
    if (!values.help) return { ...values, names: positionals };
    console.log(usage);
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 1;
  }
  return undefined;
}

async function main({ quick, out, names }) {
  const file = out ?? resultsFile(quick ? 'results.quick.json' : 'results.json');
  const wanted = names.length > 0 ? names : Object.keys(parts);
  // Who is measured has to be right first.
  const order = Object.keys(parts).filter((name) => name === 'checks' || wanted.includes(name));
  console.log(describe());
  const served = await startIssuer();
  const begun = performance.now();
  for (const name of order) {
    const started = performance.now();
    console.log(`\n── ${name}: ${parts[name]} ──`);
    const data = await runPart(name, { issuer: served.issuer, quick }, served);
    for (const table of tablesOf[name](data)) console.log(`\n${toText(table)}`);
    const seconds = Math.round((performance.now() - started) / 1000);
    console.log(`\n${seconds} s`);
    keep(file, name, {
      date: new Date().toISOString().slice(0, 16).replace('T', ' '),
      command: ['node bench/main.mjs', ...process.argv.slice(2)].join(' '),
      quick,
      seconds,
      sallyport: sallyportVersion(),
      data,
    });
  }
  served.close();
  console.log(`\n${Math.round((performance.now() - begun) / 1000)} s in all, kept in ${file}`);
}

function describe() {
  const { processor, cores, memory, system, node, openssl, load } = machine();
  const peers = Object.entries(versions()).map(([name, version]) => `${name} ${version}`);
  return [
    `sallyport ${sallyportVersion()}`,
    `${node}, OpenSSL ${openssl}; ${processor}, ${cores} cores, ${memory}, ${system}`,
    `load before the run ${load}`,
    `against ${peers.join(', ')}`,
  ].join('\n');
}
