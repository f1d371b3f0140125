import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const page = read('docs/audit.md');
const membersOf = (file: string, type: string) => {
  const [, body = ''] =
    new RegExp(`export interface ${type} (?:extends \\w+ )?\\{(.*?)\\n\\}`, 's').exec(read(file)) ??
    [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, name = '']) => name);
};

test('docs/audit.md names every option', () => {
  const options = [
    ...membersOf('src/telemetry/audit-log.ts', 'AuditSettings'),
    ...membersOf('src/telemetry/audit-log.ts', 'AuditCounts'),
    ...membersOf('src/telemetry/audit-queue.ts', 'QueueBounds'),
    ...membersOf('src/telemetry/identifiers.ts', 'IdentifierForms'),
    ...membersOf('src/telemetry/decisions.ts', 'DecisionOptions'),
    ...membersOf('src/telemetry/otel.ts', 'OtelDecisionsOptions'),
  ];
  expect(options).toHaveLength(8 + 5 + 2 + 6 + 2 + 1);
  for (const name of [...options, 'stream', 'write']) expect(page, name).toContain(`\`${name}\``);
});

test('the schema, the types and the page know the same members', () => {
  const { $defs } = JSON.parse(read('src/telemetry/audit.schema.json'));
  const of = (kind: string) => Object.keys($defs[kind].properties).sort();
  expect(membersOf('src/telemetry/audit-line.ts', 'AuditDecision').sort()).toEqual(of('decision'));
  expect(membersOf('src/telemetry/audit-line.ts', 'AuditGap').sort()).toEqual(of('dropped'));
  for (const name of [...of('decision'), ...of('dropped')])
    expect(page, name).toContain(`\`${name}\``);
});

test('the page names every metric and every attribute of a span', () => {
  const source = read('src/telemetry/decisions.ts');
  const names = [...source.matchAll(/'(sallyport\.[\w.]+|user\.id)'/g)].map(
    ([, name = '']) => name,
  );
  expect(names.length).toBeGreaterThanOrEqual(3 + 6 + 5);
  for (const name of names) expect(page, name).toContain(`\`${name}\``);
});
