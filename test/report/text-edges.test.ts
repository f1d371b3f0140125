import { expect, test } from 'vitest';
import { renderText } from '../../src/report.js';
import { claimed, iso, key, refused, reportOf } from './making.js';

test('a client whose tokens are refused is told of once: as blocked, if it is', () => {
  const blocked = renderText(reportOf([...key('a', 1), ...claimed('a', 1)]));
  expect(blocked).toMatch(/^BLOCKED \(1\)$/m);
  expect(blocked).not.toMatch(/^TOKENS REFUSED/m);
  const failing = renderText(reportOf([...key('a', 30), ...refused('a', 20)]));
  expect(failing).not.toMatch(/^BLOCKED/m);
  expect(failing).toMatch(/^TOKENS REFUSED \(1\)$/m);
});

test.each([0.5, 1.5, -0.5])('a sunset in %d days is in the verdict', (days) => {
  const text = renderText(reportOf(key('a', 1), { plan: { sunsetAt: iso(-days) } }));
  expect(text.split('\n\n')[0]).toMatch(/The sunset (is|was)/);
});
