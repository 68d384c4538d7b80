import { expect, it } from 'vitest';
import { smooth } from './smooth';

it('leaves a level where it is, from the first point on', () => {
  expect(smooth([2, 2, 2], 0.9).every((value) => Math.abs(value - 2) < 1e-12)).toBe(true);
});

it('does nothing at weight 0', () => expect(smooth([1, 5, -2], 0)).toEqual([1, 5, -2]));

it('weighs the past', () => {
  expect(smooth([0, 1], 0.5)[1]).toBeCloseTo(2 / 3, 12);
});

it('keeps what is not finite and goes on behind it', () => {
  const found = smooth([1, NaN, Infinity, 1], 0.5);
  expect(found.slice(0, 3)).toEqual([1, NaN, Infinity]);
  expect(found[3]).toBeCloseTo(1, 12);
});
