import { expect, test } from 'vitest';
import { brushWords, coordinateAt, makeAxis, matchBrushes, placeOn } from './parallel';

const number = (values: number[], isLog = false): ReturnType<typeof makeAxis> => makeAxis({ key: 'a', label: 'a', values: Float64Array.from(values), choices: null, isLog });
const category = (codes: number[], choices: string[]): ReturnType<typeof makeAxis> => makeAxis({ key: 'c', label: 'c', values: Int32Array.from(codes), choices, isLog: false });

test('numbers lie between the least and the greatest', () => {
  const axis = number([2, 4, 3, NaN]);
  expect([...axis.at]).toEqual([0, 1, 0.5, NaN]);
  expect(axis.hasLane).toBe(true);
  expect(number([2, 4]).hasLane).toBe(false);
});

test('infinities go to the lane and do not stretch the axis', () => {
  const axis = number([1, Infinity, 2, -Infinity]);
  expect([...axis.at]).toEqual([0, NaN, 1, NaN]);
});

test('a logarithmic axis has its powers of ten, and is linear where a value has no logarithm', () => {
  const axis = number([1e-4, 1e-2, 1e-1], true);
  expect(axis.ticks.map(({ text }) => text)).toEqual(['1e−4', '0.001', '0.01', '0.1']);
  expect(axis.at[1]).toBeCloseTo(2 / 3);
  expect(number([0, 1], true).isLog).toBe(false);
  expect(number([32, 61, 128], true).ticks.map(({ text }) => text)).toEqual(['50', '100']);
  expect(number([100, 150, 400], true).ticks.map(({ text }) => text)).toEqual(['100', '200']);
});

test('ticks are round numbers within the ends', () => {
  expect(number([0.13, 0.97]).ticks.map(({ text }) => text)).toEqual(['0.2', '0.4', '0.6', '0.8']);
  expect(number([1, 2, 3]).ticks.map(({ text }) => text)).toEqual(['1', '2', '3']);
  expect(number([0, 100_000]).ticks.map(({ text }) => text)).toEqual(['0', '20000', '40000', '60000', '80000', '100000']);
});

test('a single value and none at all still make an axis', () => {
  expect([...number([5, 5]).at]).toEqual([0.5, 0.5]);
  expect([...number([0]).at]).toEqual([0.5]);
  expect([...number([NaN]).at]).toEqual([NaN]);
});

test('choices stand at even distances, in the lane where the parameter is inactive', () => {
  const axis = category([0, 1, 2, -1], ['relu', 'tanh', 'gelu']);
  expect([...axis.at].slice(0, 3).map((at) => Number(at.toFixed(3)))).toEqual([0.167, 0.5, 0.833]);
  expect(axis.at[3]).toBeNaN();
  expect(axis.ticks.map(({ text }) => text)).toEqual(['relu', 'tanh', 'gelu']);
  const many = category([0], Array.from({ length: 30 }, (_, i) => `c${i}`));
  expect(many.ticks.map(({ text }) => text)).toContain('c3');
  expect(many.ticks.length).toBeLessThanOrEqual(12);
});

test('trials of one choice are drawn side by side, nearer to it than to any other', () => {
  const axis = category(Array.from({ length: 50 }, (_, i) => i % 2), ['relu', 'tanh']);
  const drawn = [...axis.drawn].filter((_, i) => i % 2 === 0);
  expect(new Set(drawn).size).toBe(25);
  expect(Math.max(...drawn)).toBeLessThan(0.35);
  expect(Math.min(...drawn)).toBeGreaterThan(0.15);
});

test('a trial is taken that lies within every brush, edges included', () => {
  const first = { ...number([1, 2, 3, 4]), key: 'first' };
  const second = { ...number([4, 3, 2, NaN]), key: 'second' };
  const within = (low: number, high: number, key: string): { key: string; low: number; high: number } => ({ key, low, high });
  expect(matchBrushes([first, second], [], 4)).toBeNull();
  expect([...(matchBrushes([first, second], [within(2, 4, 'first')], 4) ?? [])]).toEqual([0, 1, 1, 1]);
  expect([...(matchBrushes([first, second], [within(2, 4, 'first'), within(2, 3, 'second')], 4) ?? [])]).toEqual([0, 1, 1, 0]);
  expect(matchBrushes([first], [within(0, 1, 'gone')], 4)).toBeNull();
});

test('places and coordinates are the same thing twice', () => {
  const axis = number([1e-4, 1e-1], true);
  expect(coordinateAt(axis, placeOn(axis, -2))).toBeCloseTo(-2);
  expect(coordinateAt(axis, 1.5)).toBeCloseTo(-1);
});

test('a brush is told in values', () => {
  expect(brushWords(number([1e-4, 1e-1], true), { key: 'a', low: -3, high: -2 })).toBe('0.001 to 0.01');
  expect(brushWords(category([0, 1, 2], ['relu', 'tanh', 'gelu']), { key: 'c', low: 0.6, high: 2.4 })).toBe('tanh, gelu');
  expect(brushWords(category([0], ['relu', 'tanh']), { key: 'c', low: 0.1, high: 0.4 })).toBe('none');
});
