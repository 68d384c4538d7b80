import { expect, test } from 'vitest';
import type { TrialColumns } from '$api/columns';
import { axesOf, inOrder, maskOf, N_COLOURS, numbersIn, paintBy, readBrushes, readOrder, writeBrushes, writeOrder } from './parallel';

function columns(values: number[], changes: Partial<TrialColumns> = {}): TrialColumns {
  const n = values.length;
  return {
    rev: 1,
    n,
    numbers: Int32Array.from(values, (_, i) => i * 2),
    trialIds: new Int32Array(n),
    states: values.map(() => 'COMPLETE'),
    objectives: [{ metric: 'loss', direction: 'minimize', values: Float64Array.from(values) }],
    params: [
      { name: 'act', kind: 'category', choices: ['relu'], codes: new Int32Array(n) },
      { name: 'loss', kind: 'number', isLog: true, values: new Float64Array(n) },
    ],
    isFeasible: new Uint8Array(n).fill(1),
    startedAt_s: new Float64Array(n),
    durations_s: new Float64Array(n),
    ...changes,
  };
}

test('a parameter and an objective of one name are two axes', () => {
  const axes = axesOf(columns([1]));
  expect(axes.map(({ key }) => key)).toEqual(['act', 'loss', '@loss']);
  expect(axes.map(({ label }) => label)).toEqual(['act', 'loss', 'loss']);
  expect(axes[0]?.choices).toEqual(['relu']);
  expect(axes[1]?.isLog).toBe(true);
});

test('an order from the address holds, whatever axes came or went', () => {
  const axes = ['a', 'b', 'c'].map((key) => ({ key }));
  expect(inOrder(axes, ['c', 'gone', 'a', 'c']).map(({ key }) => key)).toEqual(['c', 'a', 'b']);
  expect(readOrder(writeOrder(['a,b', '@c d']))).toEqual(['a,b', '@c d']);
  expect(readOrder('%E0%A4%A,a')).toEqual(['a']);
});

test('colours span the values; who has none, or breaks a constraint, is apart', () => {
  const spread = columns([0, 1, 2, 3, NaN, 1, 2], {
    states: ['COMPLETE', 'COMPLETE', 'COMPLETE', 'COMPLETE', 'FAIL', 'PRUNED', 'COMPLETE'],
    isFeasible: Uint8Array.of(1, 1, 1, 1, 1, 1, 0),
  });
  const { buckets, range } = paintBy(spread, 0);
  expect(range).toEqual([0, 3]);
  expect([...buckets]).toEqual([0, 5, 10, 15, N_COLOURS, N_COLOURS, N_COLOURS]);
});

test('one outlier does not take all colours', () => {
  const { buckets, range } = paintBy(columns([...Array.from({ length: 99 }, (_, i) => i), 1e9]), 0);
  expect(range?.[1]).toBeLessThan(100);
  expect(buckets[99]).toBe(N_COLOURS - 1);
  expect(new Set(buckets).size).toBe(N_COLOURS);
});

test('without any value there is no scale, and equal ones lie in its middle', () => {
  expect(paintBy(columns([NaN]), 0).range).toBeNull();
  expect([...paintBy(columns([2, 2]), 0).buckets]).toEqual([8, 8]);
});

test('brushes are read back from what was written', () => {
  const brushes = [
    { key: 'hidden.1', low: -3.25, high: 1e-7 },
    { key: '@a:b;c~d', low: -0.5, high: 1.5 },
  ];
  expect(readBrushes(writeBrushes(brushes))).toEqual(brushes);
  expect(writeBrushes([])).toBeNull();
});

test('what is no brush is left out', () => {
  expect(readBrushes('a:1~x;b:2~1;:1~2;c:1~2;d')).toEqual([{ key: 'c', low: 1, high: 2 }]);
  expect(readBrushes(null)).toEqual([]);
});

test('masks and sets of numbers are the same thing twice', () => {
  const some = columns([1, 2, 3]);
  expect(numbersIn(some, Uint8Array.of(1, 0, 1))).toEqual([0, 4]);
  expect([...(maskOf(some, new Set([4, 2])) ?? [])]).toEqual([0, 1, 1]);
  expect(maskOf(some, null)).toBeNull();
});
