import { expect, test } from 'vitest';
import { makeAxis, type Axis } from './parallel';
import { heightsOf, layOut, moveKey, nearestAxis, nearestLine, placeAt, yOf } from './parallel-layout';

const axis = (key: string, values: number[]): Axis => makeAxis({ key, label: key, values, choices: null, isLog: false });

test('axes share the width, and ask for more where they would be too close', () => {
  const wide = layOut(3, 900, 300, false);
  expect(wide.width).toBe(900);
  expect((wide.xs[1] ?? 0) - (wide.xs[0] ?? 0)).toBeCloseTo((wide.xs[2] ?? 0) - (wide.xs[1] ?? 0));
  const narrow = layOut(8, 390, 300, false);
  expect(narrow.width).toBeGreaterThan(390);
  expect((narrow.xs[1] ?? 0) - (narrow.xs[0] ?? 0)).toBeGreaterThanOrEqual(90);
});

test('the lane lies below the axes, within the picture', () => {
  const layout = layOut(2, 400, 300, true);
  expect(yOf(layout, NaN)).toBeGreaterThan(layout.bottom);
  expect(layout.lane).toBeLessThan(300);
  expect(placeAt(layout, yOf(layout, 0.3))).toBeCloseTo(0.3);
});

test('the line under the pointer is found between two axes, and only among those that are shown', () => {
  const axes = [axis('a', [0, 1, 0.5]), axis('b', [1, 0, 0.5])];
  const layout = layOut(2, 400, 300, false);
  const heights = heightsOf(layout, axes);
  const middle = ((layout.xs[0] ?? 0) + (layout.xs[1] ?? 0)) / 2;
  expect(nearestLine(layout, heights, null, { x: layout.xs[0] ?? 0, y: yOf(layout, 0.02) })).toBe(0);
  expect(nearestLine(layout, heights, null, { x: layout.xs[1] ?? 0, y: yOf(layout, 0.02) })).toBe(1);
  expect(nearestLine(layout, heights, Uint8Array.of(0, 0, 1), { x: middle, y: yOf(layout, 0.5) })).toBe(2);
  expect(nearestLine(layout, heights, null, { x: middle, y: yOf(layout, 0.9) })).toBeNull();
});

test('an axis is found by its nearness, and moved among the others', () => {
  const layout = layOut(3, 400, 300, false);
  expect(nearestAxis(layout, (layout.xs[1] ?? 0) + 20)).toBe(1);
  expect(moveKey(['a', 'b', 'c'], 'a', 2)).toEqual(['b', 'c', 'a']);
  expect(moveKey(['a', 'b', 'c'], 'c', 0)).toEqual(['c', 'a', 'b']);
  expect(moveKey(['a', 'b', 'c'], 'b', 9)).toEqual(['a', 'c', 'b']);
});
