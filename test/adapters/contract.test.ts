import { describe, expect, test } from 'vitest';
import { conformanceCases } from '../../src/testing.js';
import { doors } from './open.js';

describe.each(conformanceCases)('$id: $title', ({ run }) => {
  test('every door answers alike', async () => {
    const answers = await Promise.all(Object.values(doors).map((open) => run(open)));
    expect(answers).toHaveLength(6);
    for (const answer of answers) expect(answer.body).toBe(answers[0]?.body);
  });
});

test('ids are unique, and titles too', () => {
  expect(new Set(conformanceCases.map(({ id }) => id)).size).toBe(conformanceCases.length);
  expect(new Set(conformanceCases.map(({ title }) => title)).size).toBe(conformanceCases.length);
});
