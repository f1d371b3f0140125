import { expect, test } from 'vitest';
import { renderText } from '../../src/report.js';
import { claimed, iso, key, refused, reportOf } from './making.js';

test('a client whose tokens are refused is told of once: as blocked, if it is', () => {
  const blocked = renderText(reportOf([...key('a', 1), ...refused('a', 1)]));
  expect(blocked).toMatch(/^BLOCKED \(1\)$/m);
  expect(blocked).not.toMatch(/^REJECTED TOKENS/m);
  const failing = renderText(reportOf([...key('a', 30), ...refused('a', 20)]));
  expect(failing).not.toMatch(/^BLOCKED/m);
  expect(failing).toMatch(/^REJECTED TOKENS \(1\)$/m);
});

test('what refused tokens say of themselves stands apart, and is marked', () => {
  const text = renderText(reportOf([...key('a', 1), ...claimed('a', 1)]));
  expect(text).not.toMatch(/^(BLOCKED|REJECTED TOKENS)/m);
  expect(text).toMatch(/^UNVERIFIED: REJECTED TOKENS THAT NAME \(1\)$/m);
});

test.each([
  [5 / 1440, 'The sunset was less than a day ago.'],
  [1.5, 'The sunset was 1 day ago.'],
  [2, 'The sunset was 2 days ago.'],
])('a sunset of %d days ago: %s', (days, sentence) => {
  const text = renderText(reportOf(key('a', 1), { plan: { sunsetAt: iso(days) } }), { width: 400 });
  expect(text).toContain(sentence);
});

test.each([0.5, 1.5, -0.5])('a sunset in %d days is in the verdict', (days) => {
  const text = renderText(reportOf(key('a', 1), { plan: { sunsetAt: iso(-days) } }));
  expect(text.split('\n\n')[0]).toMatch(/The\ssunset\s(is|was)/);
});
