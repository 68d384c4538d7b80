import { describe, expect, it } from 'vitest';
import { areWhole, axisFor, axisOfParam, fromUnit, partOf, textOf, ticksOf, toUnit } from './axis';
import { paintChosen, paintField, paintMarks } from './paint';
import { WHOLE, type Look, type ScatterPicture, type Shape } from './picture';
import { fromLeft, marksWithin, nearestMark, placesOf, windowOf, zoomed } from './places';
import { makeStamp, press, type Pixels } from './stamps';

const pixelsOf = (width: number, height: number): Pixels => ({ width, height, data: new Uint8ClampedArray(4 * width * height) });
const look = (change: Partial<Look> = {}): Look => ({ shape: 'square', rgb: [10, 20, 30], radius: 2, alpha: 1, ...change });
const linear = { label: '', kind: 'linear', low: 0, high: 10 } as const;

describe('axes', () => {
  it('go from values to places and back', () => {
    const log = axisFor('rate', [0.001, 0.1], 'log');
    for (const axis of [linear, log]) for (const at of [0, 0.3, 1]) expect(toUnit(axis, fromUnit(axis, at))).toBeCloseTo(at);
    expect(toUnit(log, 0.01)).toBeCloseTo(0.5);
    expect(toUnit(log, -1)).toBeNaN();
    expect(partOf(log, 0, 1)).toMatchObject({ low: expect.closeTo(log.low, 6), high: expect.closeTo(log.high, 6) });
  });

  it('leave room, and skip what is not finite', () => {
    const axis = axisFor('x', [NaN, 0, 10, Infinity]);
    expect([axis.low, axis.high]).toEqual([-0.4, 10.4]);
    expect(axisFor('x', [NaN])).toMatchObject({ low: 0, high: 1 });
    expect(axisFor('x', [5])).toMatchObject({ low: 4.5, high: 5.5 });
  });

  it('have ticks on round values', () => {
    expect(ticksOf(linear, 5).map(({ text }) => text)).toEqual(['0', '2', '4', '6', '8', '10']);
    expect(ticksOf({ ...linear, low: 0.9, high: 3.1 }, 5).map(({ text }) => text)).toEqual(['1', '1.5', '2', '2.5', '3']);
    expect(ticksOf({ ...linear, low: 0.9, high: 3.1, isWhole: true }, 5).map(({ text }) => text)).toEqual(['1', '2', '3']);
    expect([areWhole([1, NaN, 3]), areWhole([1, 1.5]), areWhole([NaN]), areWhole([1, Infinity])]).toEqual([true, false, false, false]);
    expect(ticksOf({ ...linear, kind: 'log', low: 1e-5, high: 1 }, 3).map(({ text }) => text)).toEqual(['1e−5', '0.001', '0.1']);
    expect(ticksOf({ ...linear, kind: 'log', low: 0.8, high: 6 }, 5).map(({ text }) => text)).toEqual(['1', '2', '5']);
    const choices = axisOfParam({ name: 'act', kind: 'category', choices: ['relu', 'tanh'], codes: Int32Array.of(0, 1) });
    expect(ticksOf(choices, 5)).toEqual([
      { at: 0.25, text: 'relu' },
      { at: 0.75, text: 'tanh' },
    ]);
    expect(textOf(choices, 1.2)).toBe('tanh');
    const hour = { label: '', kind: 'time', low: 0, high: 3600 } as const;
    expect(ticksOf(hour, 4).map(({ at }) => at * 60)).toEqual([0, 15, 30, 45, 60]);
  });
});

describe('stamps', () => {
  it('cover their middle and not their corners', () => {
    for (const shape of ['dot', 'diamond', 'plus', 'cross', 'square'] satisfies Shape[]) {
      const { size, cover } = makeStamp(look({ shape, radius: 4 }), 1);
      expect(cover[(size * size - 1) / 2], shape).toBe(1);
      expect(cover[0], shape).toBe(0);
    }
    const ring = makeStamp(look({ shape: 'ring', radius: 4 }), 1);
    expect(ring.cover[(ring.size * ring.size - 1) / 2]).toBe(0);
  });

  it('are cut off at the edge', () => {
    const pixels = pixelsOf(4, 4);
    press(pixels, makeStamp(look(), 1), 0, 0);
    press(pixels, makeStamp(look(), 1), 400, 400);
    expect([...pixels.data.slice(0, 4)]).toEqual([10, 20, 30, 255]);
    expect([...pixels.data.slice(-4)]).toEqual([0, 0, 0, 0]);
  });

  it('blend with what is below', () => {
    const pixels = pixelsOf(1, 1);
    press(pixels, makeStamp(look({ rgb: [0, 0, 0] }), 1), 0, 0);
    press(pixels, makeStamp(look({ rgb: [200, 100, 0], alpha: 0.5 }), 1), 0, 0);
    expect([...pixels.data]).toEqual([100, 50, 0, 255]);
  });
});

const picture: ScatterPicture = {
  keys: Int32Array.of(3, 5, 8),
  xs: Float64Array.of(2, 8, NaN),
  ys: Float64Array.of(5, 5, 5),
  styles: Uint8Array.of(0, 0, 0),
  looks: [look()],
  x: linear,
  y: linear,
  nHidden: 0,
  summary: '',
};
const places = placesOf(picture.xs, picture.ys, picture.x, picture.y);
const size = { width: 100, height: 100 };

describe('places', () => {
  it('find the mark near a point, and none far away', () => {
    expect(nearestMark(places, WHOLE, size, { left: 22, top: 51 })).toBe(0);
    expect(nearestMark(places, WHOLE, size, { left: 50, top: 50 })).toBe(-1);
    const right = { ...WHOLE, left: 0.7, right: 0.9 };
    expect(nearestMark(places, right, size, { left: 50, top: 50 })).toBe(1);
  });

  it('find marks in a box', () => {
    const box = windowOf({ left: 60, top: 30, width: 30, height: 30 }, WHOLE, size);
    expect(box).toEqual({ left: 0.6, right: 0.9, top: 0.7, bottom: 0.4 });
    expect(marksWithin(places, box)).toEqual([1]);
    expect([...fromLeft(places)]).toEqual([0, 1]);
  });

  it('zoom around a point, never beyond the whole', () => {
    const closer = zoomed(WHOLE, 0.5, 0.8, 0.5);
    expect(closer).toEqual({ left: 0.4, right: 0.9, bottom: 0.25, top: 0.75 });
    expect(zoomed(closer, 4, 0.8, 0.5)).toEqual(WHOLE);
    expect(zoomed({ ...WHOLE, left: 0, right: 0.5 }, 1.5, 0.5, 0.5).left).toBe(0);
  });
});

describe('paintMarks', () => {
  const view = { window: WHOLE, ratio: 1, ink: { faded: [200, 200, 200], levels: [] } } as const;
  const at = (pixels: Pixels, x: number, y: number): number[] => [...pixels.data.slice(4 * (y * pixels.width + x), 4 * (y * pixels.width + x) + 4)];

  it('paints marks where they lie', () => {
    const pixels = pixelsOf(100, 100);
    paintMarks(pixels, picture, places, { ...view, isFaded: false });
    expect(at(pixels, 20, 50)).toEqual([10, 20, 30, 255]);
    expect(at(pixels, 50, 50)).toEqual([0, 0, 0, 0]);
  });

  it('fades what is not chosen', () => {
    const pixels = pixelsOf(100, 100);
    paintMarks(pixels, picture, places, { ...view, isFaded: true });
    paintChosen(pixels, picture, places, { ...view, chosen: new Set([5]) });
    expect(at(pixels, 80, 50)).toEqual([10, 20, 30, 255]);
    expect([at(pixels, 82, 50)[3], at(pixels, 22, 50)[3]]).toEqual([255, expect.toSatisfy((alpha: number) => alpha < 100)]); // and larger
    expect(at(pixels, 20, 50).slice(0, 3)).toEqual([200, 200, 200]);
    expect(Number(at(pixels, 20, 50)[3])).toBeLessThan(100);
  });

  it('paints 50,000 marks in a blink', () => {
    const n = 50_000;
    const spread = (step: number): Float64Array => Float64Array.from({ length: n }, (_, i) => ((i * step) % 1) * 10);
    const many = { ...picture, keys: Int32Array.from({ length: n }, (_, i) => i), xs: spread(0.618034), ys: spread(0.414214), styles: new Uint8Array(n), looks: [look({ shape: 'dot', radius: 1.5 })] };
    const pixels = pixelsOf(1000, 400);
    const start = process.cpuUsage();
    paintMarks(pixels, many, placesOf(many.xs, many.ys, many.x, many.y), { ...view, isFaded: false });
    const { user } = process.cpuUsage(start);
    expect(pixels.data.filter((value, i) => i % 4 === 3 && value > 0).length).toBeGreaterThan(100_000);
    expect(user / 1000).toBeLessThan(400); // ms; some 30 where nothing else runs
  });
});

describe('paintField', () => {
  const field = { nColumns: 2, nRows: 1, values: Float32Array.of(0, NaN), isStepX: true, isStepY: true };

  it('paints known cells, with the low row below', () => {
    const pixels = pixelsOf(4, 1);
    paintField(pixels, field, WHOLE, [[1, 2, 3]]);
    expect([...pixels.data.filter((_, i) => i % 4 === 3)]).toEqual([255, 255, 0, 0]);
    const tall = pixelsOf(1, 2);
    paintField(tall, { ...field, nColumns: 1, nRows: 2, values: Float32Array.of(0, 0.9) }, WHOLE, [[1, 1, 1], [9, 9, 9]]);
    expect([tall.data[0], tall.data[4]]).toEqual([9, 1]);
  });
});
