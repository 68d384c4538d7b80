import { expect, it } from 'vitest';
import { readCounts } from './counts';

it('takes square tables of counts', () => {
  expect(readCounts([[3, 0], [1, 7]])).toEqual([[3, 0], [1, 7]]);
});

it.each([null, [], 'text', [[1, 2]], [[1], [2]], [[1, -1], [0, 2]], [[1, 0.5], [0, 2]], [['1', 0], [0, 2]]])('refuses %j', (value) =>
  expect(readCounts(value)).toBeNull(),
);
