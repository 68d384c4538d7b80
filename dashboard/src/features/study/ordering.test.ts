import { expect, test } from 'vitest';
import type { TrialColumns } from '$api/columns';
import { orderedNumbers } from './ordering';

const columns = (direction: 'minimize' | 'maximize'): TrialColumns =>
  ({
    n: 4,
    numbers: Int32Array.of(0, 1, 2, 5),
    objectives: [{ metric: 'm', direction, values: Float64Array.of(0.5, NaN, 0.1, 0.5) }],
    startedAt_s: Float64Array.of(4, 3, 2, NaN),
    durations_s: Float64Array.of(1, 2, 3, 4),
  }) as unknown as TrialColumns;
const all = (): boolean => true;

test('by value the best come first, the others in order of their numbers, those without one last', () => {
  expect(orderedNumbers(columns('minimize'), all, { order: 'value', isDescending: false })).toEqual([2, 0, 5, 1]);
  expect(orderedNumbers(columns('maximize'), all, { order: 'value', isDescending: false })).toEqual([0, 5, 2, 1]);
  expect(orderedNumbers(columns('minimize'), all, { order: 'value', isDescending: true })).toEqual([0, 5, 2, 1]);
});

test('other orders follow their columns', () => {
  expect(orderedNumbers(columns('minimize'), all, { order: 'number', isDescending: true })).toEqual([5, 2, 1, 0]);
  expect(orderedNumbers(columns('minimize'), all, { order: 'started_at', isDescending: false })).toEqual([2, 1, 0, 5]);
  expect(orderedNumbers(columns('minimize'), (number) => number > 1, { order: 'duration', isDescending: true })).toEqual([5, 2]);
});
