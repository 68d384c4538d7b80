import { expect, test } from 'vitest';
import { beginDrag, dragTo, nudge, upperHalf, withBrush } from './brushing';
import { makeAxis, type Brush } from './parallel';

const axis = makeAxis({ key: 'a', label: 'a', values: [0, 10], choices: null, isLog: false });
const choice = makeAxis({ key: 'c', label: 'c', values: [0, 1], choices: ['relu', 'tanh'], isLog: false });
const near = (brush: Brush): Brush => ({ ...brush, low: Number(brush.low.toFixed(9)), high: Number(brush.high.toFixed(9)) });
const brush = { key: 'a', low: 2, high: 6 };

test('dragging over a bare axis makes a brush, upwards and downwards', () => {
  const drag = beginDrag(axis, undefined, 0.3, 0.02);
  expect(dragTo(axis, drag, 0.5)).toEqual({ key: 'a', low: 3, high: 5 });
  expect(dragTo(axis, drag, 0.1)).toEqual({ key: 'a', low: 1, high: 3 });
  expect(dragTo(axis, drag, 7)).toEqual({ key: 'a', low: 3, high: 10 });
});

test('a brush is moved as it is, and stops at the end of the axis', () => {
  const drag = beginDrag(axis, brush, 0.4, 0.02);
  expect(drag.kind).toBe('move');
  expect(near(dragTo(axis, drag, 0.5))).toEqual({ key: 'a', low: 3, high: 7 });
  expect(near(dragTo(axis, drag, 0.99))).toEqual({ key: 'a', low: 6, high: 10 });
});

test('an end is dragged alone, also across the other', () => {
  expect(dragTo(axis, beginDrag(axis, brush, 0.61, 0.02), 0.9)).toMatchObject({ low: 2, high: 9 });
  expect(dragTo(axis, beginDrag(axis, brush, 0.19, 0.02), 0.8)).toMatchObject({ low: 6, high: 8 });
});

test('outside of its brush an axis takes a new one', () => {
  expect(dragTo(axis, beginDrag(axis, brush, 0.8, 0.02), 0.9)).toMatchObject({ low: 8, high: 9 });
});

test('keys move a brush and its ends by steps', () => {
  expect(near(nudge(axis, brush, 'move', 1))).toEqual({ key: 'a', low: 2.5, high: 6.5 });
  expect(near(nudge(axis, brush, 'high', -1))).toEqual({ key: 'a', low: 2, high: 5.5 });
  expect(near(nudge(axis, brush, 'low', 1))).toEqual({ key: 'a', low: 2.5, high: 6 });
  expect(near(nudge(choice, upperHalf(choice), 'move', -1))).toEqual({ key: 'c', low: -0.5, high: 0.5 });
});

test('an axis has one brush at most', () => {
  const other = { key: 'b', low: 0, high: 1 };
  expect(withBrush([brush, other], 'a', { ...brush, low: 5 })).toEqual([other, { key: 'a', low: 5, high: 6 }]);
  expect(withBrush([brush, other], 'a', null)).toEqual([other]);
});
