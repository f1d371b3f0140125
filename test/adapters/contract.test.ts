import { describe, expect, test } from 'vitest';
import { guardCases } from '../../src/testing.js';
import { doors } from './open.js';

describe.each(guardCases)('$id: $title', ({ run }) => {
  test('every door answers alike', async () => {
    const answers = await Promise.all(Object.values(doors).map((open) => run(open)));
    expect(answers).toHaveLength(6);
    for (const answer of answers) expect(answer.body).toBe(answers[0]?.body);
  });
});

test('ids are unique, and titles too', () => {
  expect(new Set(guardCases.map(({ id }) => id)).size).toBe(guardCases.length);
  expect(new Set(guardCases.map(({ title }) => title)).size).toBe(guardCases.length);
});
