import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePlan } from '../../src/core/plan/parse.js';
import { inFull, runs } from '../runs.js';
import { examples } from './examples.js';
import { beyondSchema, structural } from './mistakes.js';
import { plans } from './plans.js';

const file = new URL('../../src/core/plan/plan.schema.json', import.meta.url);
const schema = JSON.parse(readFileSync(file, 'utf8'));
const ajv = new Ajv({ strict: true, allowUnionTypes: false });
const fits = ajv.compile(schema);

test('the schema is a schema', () => {
  expect(ajv.validateSchema(schema)).toBe(true);
});

test.each(examples)('%s fits the schema and is read', (_, plan) => {
  expect(fits(plan), JSON.stringify(fits.errors)).toBe(true);
  expect(() => parsePlan('plan', plan)).not.toThrow();
});

test.each(structural)('%s does not fit the schema', (_, marked) => {
  expect(fits(JSON.parse(marked.replace('◀', '')))).toBe(false);
});

test.each(beyondSchema)('%s is beyond the schema', (_, marked) => {
  expect(fits(JSON.parse(marked.replace('◀', '')))).toBe(true);
});

test('every plan that is made of good parts fits the schema and is read', () => {
  fc.assert(
    fc.property(plans, (plan) => {
      expect(fits(plan), JSON.stringify(fits.errors)).toBe(true);
      parsePlan('plan', plan);
      expect(parsePlan('plan', JSON.stringify(plan))).toEqual(parsePlan('plan', plan));
    }),
    { numRuns: runs(300) },
  );
});

test('what is read of a plan with one strange member fits the schema', () => {
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('dual', 'extension', '2027-02-30T00:00:00Z', '2027-06-30T00:00:00Z', 100, 0),
  );
  const seen = { good: 0, bad: 0 };
  fc.assert(
    fc.property(
      plans,
      fc.option(strange, { freq: 2 }),
      fc.nat(),
      fc.nat(),
      (plan, value, to, from) => {
        const bent = structuredClone(plan);
        const places: [object, string][] = [];
        const visit = (node: unknown): void => {
          if (typeof node !== 'object' || node === null) return;
          for (const name of Object.keys(node)) {
            places.push([node, name]);
            visit((node as Record<string, unknown>)[name]);
          }
        };
        visit(bent);
        // In place of one member something strange, or a copy of another.
        const [node, name = ''] = places[to % places.length] ?? [];
        const [other, like = ''] = places[from % places.length] ?? [];
        const copy = structuredClone((other as Record<string, unknown> | undefined)?.[like]);
        if (node) Object.assign(node, { [name]: value ?? copy });
        let read = true;
        try {
          parsePlan('plan', bent);
        } catch {
          read = false;
        }
        seen[read ? 'good' : 'bad'] += 1;
        if (read) expect(fits(bent), JSON.stringify([bent, fits.errors])).toBe(true);
      },
    ),
    { numRuns: runs(600) },
  );
  if (inFull) expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(20);
});

describe('an editor is told', () => {
  const nodes: [where: string, node: Record<string, unknown>][] = [];
  const visit = (where: string, node: Record<string, unknown>): void => {
    for (const [name, member] of Object.entries(node.properties ?? {})) {
      if (typeof member === 'object') nodes.push([`${where}.${name}`, member]);
    }
  };
  visit('plan', schema);
  for (const [name, node] of Object.entries<Record<string, unknown>>(schema.definitions)) {
    visit(name, node);
  }

  test.each(nodes)('what %s is', (_, node) => {
    expect(node.description).toMatch(/^[A-Z].*\.$/);
  });
});
