import { expect, it } from 'vitest';
import { drawConfusion } from './confusion';

it('gives each cell its share of the true class', () => {
  const { rows } = drawConfusion([[8, 2], [0, 5]]);
  expect(rows[0]).toEqual([
    { count: 8, share: 0.8, isRight: true },
    { count: 2, share: 0.2, isRight: false },
  ]);
  expect(rows[1]?.[1]).toEqual({ count: 5, share: 1, isRight: true });
});

it('names the most common mistake, if any', () => {
  expect(drawConfusion([[8, 2], [0, 5]]).summary).toBe(
    '13 of 15 examples right (0.8667). The most common mistake: class 0 taken for 1, 2 times.',
  );
  expect(drawConfusion([[3, 0], [0, 2]]).summary).toBe('5 of 5 examples right (1).');
});

it('bears classes without examples', () => {
  const { rows, summary } = drawConfusion([[0, 0], [0, 0]]);
  expect(rows[0]?.[0]?.share).toBe(0);
  expect(summary).toBe('No examples.');
});
