import { expect, test } from 'vitest';
import { mergeColumns, placeOf, readColumns, type TrialColumns } from './columns';

type Read = Parameters<typeof readColumns>[0];

const STATES = ['WAITING', 'RUNNING', 'COMPLETE', 'PRUNED', 'FAIL'];

function answer(numbers: number[], changes: Partial<Read> = {}): Read {
  return {
    study_id: 1,
    rev: 5,
    is_whole: true,
    numbers,
    trial_ids: numbers.map((number) => number + 100),
    state_names: STATES,
    states: numbers.map(() => 2),
    objectives: [{ metric: 'loss', direction: 'minimize', values: numbers.map((number) => number / 10) }],
    params: [
      { name: 'act', kind: 'category', choices: ['relu', 'tanh'], codes: numbers.map((number) => number % 2) },
      { name: 'lr', kind: 'number', is_log: true, values: numbers.map((number) => 10 ** -number) },
    ],
    infeasible: [],
    started_at_s: numbers.map((number) => 1000 + number),
    durations_s: numbers.map(() => 2),
    ...changes,
  };
}

const merge = (before: Read, later: Read): TrialColumns => {
  const merged = mergeColumns(readColumns(before), readColumns(later));
  if (merged === null) throw new Error('they do not fit');
  return merged;
};

test('words and holes become numbers again', () => {
  const words = ['Infinity', '-Infinity', 'NaN', null] as unknown as number[];
  const read = readColumns(answer([0, 1, 2, 3], { objectives: [{ metric: 'loss', direction: 'minimize', values: words }], infeasible: [2] }));
  expect([...(read.objectives[0]?.values ?? [])]).toEqual([Infinity, -Infinity, NaN, NaN]);
  expect([...read.isFeasible]).toEqual([1, 1, 0, 1]);
  expect(read.states).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE', 'COMPLETE']);
});

test('a trial is found by its number, also where numbers are missing', () => {
  const read = readColumns(answer([0, 2, 5, 9]));
  expect([0, 2, 5, 9, 1, 10, -1].map((number) => placeOf(read, number))).toEqual([0, 1, 2, 3, -1, -1, -1]);
});

test('later trials come behind, changed ones in their place', () => {
  const before = answer([0, 1, 3], { states: [2, 1, 2], objectives: [{ metric: 'loss', direction: 'minimize', values: [0, null, 0.3] }] });
  const merged = merge(before, answer([1, 4], { rev: 7, is_whole: false, infeasible: [4] }));
  expect([...merged.numbers]).toEqual([0, 1, 3, 4]);
  expect([...merged.trialIds]).toEqual([100, 101, 103, 104]);
  expect(merged.states).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE', 'COMPLETE']);
  expect([...(merged.objectives[0]?.values ?? [])]).toEqual([0, 0.1, 0.3, 0.4]);
  expect([...merged.isFeasible]).toEqual([1, 1, 1, 0]);
  expect([merged.n, merged.rev]).toEqual([4, 7]);
});

test('choices are told apart by their names, whatever their places', () => {
  const later = answer([2], { params: [{ name: 'act', kind: 'category', choices: ['gelu', 'tanh'], codes: [0] }] });
  const merged = merge(answer([0, 1]), later);
  expect(merged.params[0]).toMatchObject({ choices: ['relu', 'tanh', 'gelu'], codes: Int32Array.of(0, 1, 2) });
  expect(merged.params[1]).toMatchObject({ name: 'lr', isLog: true, values: Float64Array.of(1, 0.1, NaN) });
});

test('a parameter that is new was inactive before', () => {
  const later = answer([2], { params: [{ name: 'momentum', kind: 'number', is_log: false, values: [0.9] }] });
  const merged = merge(answer([0, 1]), later);
  expect(merged.params.find(({ name }) => name === 'momentum')).toMatchObject({ values: Float64Array.of(NaN, NaN, 0.9) });
});

test('nothing new leaves the columns what they are, so that nothing is drawn again', () => {
  const before = readColumns(answer([0, 1, 2]));
  expect(mergeColumns(before, readColumns(answer([1], { is_whole: false })))).toBe(before);
  expect(mergeColumns(before, readColumns(answer([1], { is_whole: false, states: [1] })))).not.toBe(before);
});

test('what does not fit together is said to', () => {
  const before = readColumns(answer([0, 2]));
  expect(mergeColumns(before, readColumns(answer([1])))).toBeNull();
  const other: Read['params'] = [{ name: 'lr', kind: 'category', choices: ['a'], codes: [0] }];
  expect(mergeColumns(before, readColumns(answer([2], { params: other })))).toBeNull();
  expect(mergeColumns(before, readColumns(answer([2])))).not.toBeNull();
});
