import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, versions } from './machine.mjs';

/** A file of this folder, named from where the command was given. */
export const resultsFile = (name) =>
  relative(process.cwd(), fileURLToPath(new URL(`../${name}`, import.meta.url)));

/** All runs of a file, by the major version of Node. */
export function readRuns(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).runs;
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

/**
 * Puts a part's result beside those of other parts, measured on the same machine with the same
 * versions; anything else is not to be compared with it, and goes.
 */
export function keep(file, part, result) {
  const own = machine();
  const { load, ...same } = own;
  const runs = Object.fromEntries(
    Object.entries(readRuns(file)).filter(([, run]) => run.machine.processor === own.processor),
  );
  const name = own.node.split('.')[0];
  const held = runs[name];
  const fresh = { machine: same, versions: versions(), parts: {} };
  const isSame =
    JSON.stringify([held?.machine, held?.versions]) ===
    JSON.stringify([fresh.machine, fresh.versions]);
  const run = isSame ? held : fresh;
  run.parts[part] = { load, ...result };
  runs[name] = run;
  const sorted = Object.fromEntries(Object.entries(runs).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ runs: sorted }, short, 2)}\n`);
}

// More digits than were measured would say nothing.
const short = (_, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
