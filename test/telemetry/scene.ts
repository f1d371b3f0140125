import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import type { AuditLine } from '../../src/audit.js';
import type { DecisionEvent } from '../../src/index.js';

const file = new URL('../../src/telemetry/audit.schema.json', import.meta.url);

/** What says whether a line has the form that is promised. */
export const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(file, 'utf8')),
);

/** Reads a line: it has to be one, and of the promised form. */
export function read(line: string): AuditLine {
  expect(line.endsWith('\n')).toBe(true);
  // Whatever ends a line somewhere, or turns reading round.
  expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u);
  const value = JSON.parse(line);
  expect(validate(value), JSON.stringify(validate.errors)).toBe(true);
  return value;
}

export const start = Date.UTC(2030, 0, 1);
export const secret = 'this secret is known to everybody here';

/** A decision, as a guard tells it, with some members bent. */
export const event = (bent: Partial<DecisionEvent> = {}): DecisionEvent => ({
  time: start,
  outcome: 'allow',
  status: 200,
  method: 'token',
  durationMs: 0,
  httpMethod: 'GET',
  ...bent,
});

/** A promise that is settled from outside. */
export function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
