import { describe, expect, it } from 'vitest';
import { scaleOf, valueAt } from './axis';
import { drawField, indicesWithin, yWithin, type FieldOptions, type TimedCurve } from './field';
import { nearestLine } from './field-hit';
import { chartColours, colourOf } from './palette';

const colours = chartColours('light');
const options: FieldOptions = {
  ...{ metric: 'val_loss', x: 'step', xLabel: 'epoch', isLogX: false, isLogY: false, smoothing: 0, chosen: null, colours },
};
const curve = (id: number, state: string, values: number[], steps = values.map((_, i) => i + 1)): TimedCurve => ({
  ...{ id, label: `Trial ${id}`, state, steps, values, times: null },
});

describe('drawField', () => {
  it('gives each curve its own points, and axes that hold all of them', () => {
    const field = drawField([curve(1, 'COMPLETE', [1, 3], [10, 20]), curve(2, 'COMPLETE', [2], [15])], options);
    expect(field.lines.map(({ xs, ys }) => [xs, ys])).toEqual([[[10, 20], [1, 3]], [[15], [2]]]);
    expect([field.x, field.y]).toEqual([{ low: 10, high: 20 }, { low: 1, high: 3 }]);
  });

  it('marks what is no number, and what has no place on a logarithmic axis, and never draws it', () => {
    const curves = [curve(1, 'FAIL', [1, NaN, Infinity, -Infinity, 0])];
    expect(drawField(curves, options).marks.map(({ x, kind }) => [x, kind])).toEqual([[2, 'nan'], [3, 'up'], [4, 'down']]);
    const log = drawField(curves, { ...options, isLogY: true });
    expect(log.marks.map(({ x }) => x)).toEqual([2, 3, 4, 5]);
    expect(log.y).toEqual({ low: 0.5, high: 2 });
  });

  it('shows seconds where times are asked for', () => {
    expect(drawField([{ ...curve(1, 'COMPLETE', [1, 2]), times: [0.5, 4] }], { ...options, x: 'time' }).lines[0]?.xs).toEqual([0.5, 4]);
  });

  it('counts steps in whole numbers, but neither seconds nor powers of ten', () => {
    const curves = [{ ...curve(1, 'COMPLETE', [1, 2]), times: [0.5, 4] }];
    const isWhole = (more: Partial<FieldOptions>): boolean => drawField(curves, { ...options, ...more }).isXWhole;
    expect([isWhole({}), isWhole({ x: 'time' }), isWhole({ isLogX: true })]).toEqual([true, false, false]);
  });

  it('keeps the points as they are beneath the smoothed line', () => {
    const [line] = drawField([curve(1, 'COMPLETE', [0, 1])], { ...options, smoothing: 0.5 }).lines;
    expect(line?.raw).toEqual([0, 1]);
    expect(line?.ys[1]).toBeCloseTo(2 / 3, 12);
  });

  it('draws many chosen curves thin, with the quiet ones', () => {
    const curves = Array.from({ length: 200 }, (_, i) => curve(i, 'COMPLETE', [1]));
    const shown = (n: number): boolean[] => {
      const chosen = new Set(Array.from({ length: n }, (_, i) => i));
      return drawField(curves, { ...options, chosen }).lines.filter(({ key }) => chosen.has(key)).map(({ isQuiet }) => isQuiet);
    };
    expect(new Set(shown(51))).toEqual(new Set([true]));
    expect(new Set(shown(50))).toEqual(new Set([false]));
  });

  it('brings chosen curves forward and lets all others fade', () => {
    const { lines } = drawField([curve(1, 'COMPLETE', [1]), curve(2, 'RUNNING', [1])], { ...options, chosen: new Set([1]) });
    expect(lines.map(({ key, colour, isQuiet }) => [key, colour, isQuiet])).toEqual([[2, colours.faded, true], [1, colourOf(1, colours), false]]);
  });

  it('turns the finished ones of many grey and puts them on the layer below', () => {
    const many = Array.from({ length: 120 }, (_, id) => curve(id, id === 7 ? 'RUNNING' : 'COMPLETE', [id]));
    const { lines } = drawField(many, { ...options, bestId: 5 });
    expect(lines.filter(({ isQuiet }) => !isQuiet).map(({ key }) => key)).toEqual([7, 5]);
  });

  it('has axes without any point', () => {
    const field = drawField([], { ...options, isLogY: true });
    expect([field.x, field.y, field.summary]).toEqual([{ low: 0, high: 1 }, { low: 1, high: 10 }, 'No points of val_loss yet.']);
  });
});

it('finds the places within a span', () => {
  const xs = [1, 2, 2, 3, 5];
  expect(indicesWithin(xs, { low: 2, high: 3 })).toEqual([1, 4]);
  expect(indicesWithin(xs, { low: 4, high: 4.5 })).toEqual([4, 4]);
  expect(indicesWithin(xs, { low: -1, high: 9 })).toEqual([0, 5]);
});

it('uses the height for what a window holds', () => {
  const field = drawField([curve(1, 'COMPLETE', [0, 100, 5, 7])], options);
  expect(yWithin(field, { low: 3, high: 4 })).toEqual({ low: 5, high: 7 });
  expect(yWithin(field, { low: 3.2, high: 3.4 })).toBeNull();
});

describe('nearestLine', () => {
  const field = drawField([curve(1, 'COMPLETE', [0, 0], [0, 100]), curve(2, 'COMPLETE', [10, 10], [0, 100]), curve(3, 'FAIL', [5], [50])], options);
  const at = (left: number, top: number) => {
    const x = { low: 0, high: 100, size: 100, isLog: false };
    const toBottom = scaleOf({ low: 0, high: 10, size: 100, isLog: false });
    return { left, top, toLeft: scaleOf(x), toTop: (y: number) => 100 - toBottom(y), toX: (px: number) => valueAt(x, px) };
  };
  const keyAt = (left: number, top: number) => {
    const hit = nearestLine(field.lines, at(left, top));
    return hit && [field.lines[hit.line]?.key, field.lines[hit.line]?.xs[hit.index]];
  };

  it('finds a line between two far points, and the nearer of them', () => {
    expect(keyAt(30, 95)).toEqual([1, 0]);
    expect(keyAt(80, 5)).toEqual([2, 100]);
  });
  it('finds a lone point', () => expect(keyAt(52, 50)).toEqual([3, 50]));
  it('finds nothing where nothing is near', () => expect(keyAt(10, 50)).toBeNull());
});
