import { expect, test } from 'vitest';
import { alphaFor, nextSlice, spreadOrder, strokeSlice, type Strokes } from './strokes';

/** Records what would be stroked: colour and number of lines of each stroke. */
class Recorder {
  strokeStyle = '';
  globalAlpha = 1;
  lineWidth = 0;
  #isDashed = false;
  readonly strokes: [string, number][] = [];
  #n = 0;
  beginPath(): void {
    this.#n = 0;
  }
  setLineDash(dash: readonly number[]): void {
    this.#isDashed = dash.length > 0;
  }
  moveTo(): void {
    this.#n += 1;
  }
  lineTo(): void {
    /* counted by its beginning */
  }
  stroke(): void {
    this.strokes.push([this.strokeStyle + (this.#isDashed ? ' dashed' : ''), this.#n]);
  }
}

const draw = (strokes: Strokes, order: Uint32Array, from: number, most: number): [Recorder, number] => {
  const recorder = new Recorder();
  return [recorder, strokeSlice(recorder as unknown as CanvasRenderingContext2D, strokes, order, from, most)];
};

test('every line comes once, and an early part is spread over all', () => {
  for (const n of [0, 1, 2, 10, 997, 50_000]) {
    const order = spreadOrder(n);
    expect(new Set(order).size).toBe(n);
  }
  const early = [...spreadOrder(1000).slice(0, 10)].sort((a, b) => a - b);
  const gaps = early.slice(1).map((at, i) => at - (early[i] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(200);
});

test('a slice draws so many lines of those that are shown, a stroke a colour', () => {
  const heights = [new Float32Array(6), new Float32Array(6)];
  const strokes = { xs: [0, 10], heights, mask: Uint8Array.of(1, 0, 1, 1, 0, 1), buckets: Uint8Array.of(0, 0, 1, 0, 1, 1), colours: ['red', 'blue'], dashed: new Set([1]), alpha: 0.5 };
  const order = Uint32Array.of(0, 1, 2, 3, 4, 5);
  const [first, next] = draw(strokes, order, 0, 3);
  expect(first.strokes).toEqual([['red', 2], ['blue dashed', 1]]);
  expect(next).toBe(4);
  const [second, end] = draw(strokes, order, next, 3);
  expect(second.strokes).toEqual([['blue dashed', 1]]);
  expect(end).toBe(6);
});

test('slices shrink while frames are late and grow while they are not', () => {
  expect(nextSlice(1000, 50)).toBe(500);
  expect(nextSlice(1000, 16)).toBe(1300);
  expect(nextSlice(1000, 25)).toBe(1000);
  expect(nextSlice(160, 500)).toBe(150);
});

test('more lines are fainter each, and never gone', () => {
  expect(alphaFor(1)).toBe(0.9);
  expect(alphaFor(2500)).toBeCloseTo(0.24);
  expect(alphaFor(10 ** 6)).toBe(0.12);
});
