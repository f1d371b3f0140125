import { goals } from './goals.mjs';
import { readRuns, resultsFile } from './harness/results.mjs';
import { figure, toText } from './harness/table.mjs';

/** Compares what was measured with what was to be reached. For people: no machine decides by it. */
const margin = 1.25;

const file = process.argv[2] ?? resultsFile('results.json');
const runs = readRuns(file);
if (Object.keys(runs).length === 0) console.log(`${file} holds no results: npm run bench`);

let missed = 0;
for (const [name, { parts, machine }] of Object.entries(runs)) {
  const quick = Object.values(parts).some((part) => part.quick);
  const data = Object.fromEntries(Object.entries(parts).map(([part, { data }]) => [part, data]));
  const rows = goals.map(({ goal, most, least, measure, unit = '×' }) => {
    const value = measured(measure, data);
    const verdict = judge(value, { most, least });
    if (verdict === 'not met') missed += 1;
    return {
      goal,
      'to reach': most === undefined ? `≥ ${least}${unit}` : `≤ ${most}${unit}`,
      measured: value === undefined ? '–' : `${figure(value)}${unit}`,
      verdict,
    };
  });
  const title = `${name}, ${machine.processor}${quick ? ' (a quick run: rough numbers)' : ''}`;
  console.log(`${toText({ title, rows })}\n`);
}
console.log(
  `${missed} not met. “Nearly” is within ${Math.round((margin - 1) * 100)} % of the goal.`,
);
if (missed > 0) process.exitCode = 1;

// A part that was not run, or a contestant that cannot do it.
function measured(measure, data) {
  try {
    const value = measure(data);
    return Number.isFinite(value) ? value : undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function judge(value, { most, least }) {
  if (value === undefined) return 'not measured';
  if (most === undefined ? value >= least : value <= most) return 'met';
  const near = most === undefined ? value >= least / margin : value <= most * margin;
  return near ? 'nearly' : 'not met';
}
