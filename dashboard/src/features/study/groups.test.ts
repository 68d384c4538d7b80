import { expect, test } from 'vitest';
import type { ParamColumn, TrialColumns } from '$api/columns';
import { groupBy } from './groups';

function columns(values: number[], direction: 'minimize' | 'maximize' = 'minimize'): TrialColumns {
  const n = values.length;
  return {
    rev: 1,
    n,
    numbers: Int32Array.from(values, (_, i) => i + 10),
    trialIds: new Int32Array(n),
    states: values.map((_, i) => (i === 5 ? 'PRUNED' : 'COMPLETE')),
    objectives: [{ metric: 'loss', direction, values: Float64Array.from(values) }],
    params: [],
    isFeasible: Uint8Array.from(values, (_, i) => (i === 4 ? 0 : 1)),
    startedAt_s: new Float64Array(n),
    durations_s: new Float64Array(n),
  };
}
const all = (): boolean => true;
const category = (codes: number[]): ParamColumn => ({ name: 'act', kind: 'category', choices: ['relu', 'tanh', 'gelu'], codes: Int32Array.from(codes) });
const number = (values: number[], isLog = false): ParamColumn => ({ name: 'lr', kind: 'number', isLog, values: Float64Array.from(values) });

test('a group has its size, mean, spread and best', () => {
  const groups = groupBy(columns([1, 3, 8, 5]), category([1, 1, 0, -1]), 0, all);
  expect(groups.map(({ label }) => label)).toEqual(['relu', 'tanh', 'inactive']);
  expect(groups[1]).toMatchObject({ numbers: [10, 11], mean: 2, best: 1 });
  expect(groups[1]?.std).toBeCloseTo(Math.SQRT2);
  expect(groups[0]?.std).toBeNaN();
});

test('the best is the greatest where that is better', () => {
  expect(groupBy(columns([1, 3], 'maximize'), category([0, 0]), 0, all)[0]?.best).toBe(3);
});

test('only complete, feasible trials with a value count, and of them those that are asked for', () => {
  const groups = groupBy(columns([1, NaN, Infinity, 2, 3, 4]), category([0, 0, 0, 0, 0, 0]), 0, all);
  expect(groups.map(({ numbers }) => numbers)).toEqual([[10, 13]]);
  expect(groupBy(columns([1, 2, 3]), category([0, 0, 1]), 0, (one) => one === 11).map(({ numbers }) => numbers)).toEqual([[11]]);
});

test('few numbers are groups of their own, in order', () => {
  const groups = groupBy(columns([1, 2, 3]), number([64, 16, 64]), 0, all);
  expect(groups.map(({ label, numbers }) => [label, numbers])).toEqual([
    ['16', [11]],
    ['64', [10, 12]],
  ]);
});

test('many numbers are put into ranges, even ones in logarithms where the space has them', () => {
  const values = Array.from({ length: 61 }, (_, i) => 10 ** (-6 + i / 10));
  const groups = groupBy({ ...columns(values), states: values.map(() => 'COMPLETE'), isFeasible: new Uint8Array(61).fill(1) }, number(values, true), 0, all);
  expect(groups.map(({ label }) => label)).toEqual(['1e−6 to 1e−5', '1e−5 to 1e−4', '1e−4 to 0.001', '0.001 to 0.01', '0.01 to 0.1', '0.1 to 1']);
  expect(groups.reduce((sum, { numbers }) => sum + numbers.length, 0)).toBe(61);
  expect(Math.min(...groups.map(({ numbers }) => numbers.length))).toBeGreaterThanOrEqual(9);
});
