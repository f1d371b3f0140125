import { writeFileSync } from 'node:fs';
import { chartOf } from './harness/chart.mjs';
import { readRuns, resultsFile } from './harness/results.mjs';
import { toMarkdown } from './harness/table.mjs';
import { tablesOf } from './tables.mjs';

/** Writes RESULTS.md and chart.svg from a file of results. */
const file = process.argv[2] ?? resultsFile('results.json');
const runs = Object.values(readRuns(file));
if (runs.length === 0) throw new Error(`${file} holds no results: npm run bench`);

const [report, chart] = [resultsFile('RESULTS.md'), resultsFile('chart.svg')];
writeFileSync(report, `${[head(), ...runs.map(section)].join('\n')}`);
writeFileSync(chart, chartOf(runs[0]));
console.log(`wrote ${report} and ${chart}`);

function head() {
  return [
    '# Results',
    '',
    'Written by `node bench/report.mjs` from `results.json`; [README.md](README.md) says what was done',
    'and how to do it again. Compare within a table only: what travels to another machine are the ratios.',
    '',
  ].join('\n');
}

function section({ machine, versions, parts }) {
  const { processor, cores, memory, system, node, openssl } = machine;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `## ${node}`,
    '',
    `${processor}, ${cores} cores, ${memory}; ${system}; OpenSSL ${openssl}.`,
    '',
    `Against ${peers.join(', ')}.`,
    '',
    toMarkdown({ title: 'What was run', rows: Object.entries(parts).map(rowOf) }),
    ...Object.entries(parts).flatMap(([name, { data }]) => tablesOf[name](data).map(toMarkdown)),
  ].join('\n');
}

function rowOf([name, { date, command, quick, seconds, load, sallyport }]) {
  return {
    part: name,
    'date (UTC)': date,
    command: `\`${command}\`${quick ? ', rough' : ''}`,
    sallyport,
    seconds: String(seconds),
    'load before': load,
  };
}
