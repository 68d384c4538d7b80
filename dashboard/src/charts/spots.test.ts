import { describe, expect, it } from 'vitest';
import { chartColours } from './palette';
import { pixelsOf, rgbOf, strokeSteps } from './spots';

const places = { toLeft: (x: number): number => 10 * x, toTop: (y: number): number => 100 - 10 * y, width: 100, height: 100 };

describe('pixelsOf', () => {
  it('places spots, each pixel once', () => {
    expect(pixelsOf({ xs: Float64Array.of(1, 1.01, 5), ys: Float64Array.of(2, 2, 5) }, places)).toEqual([
      [10, 80],
      [50, 50],
    ]);
  });

  it('leaves out what lies outside of the chart or nowhere', () => {
    expect(pixelsOf({ xs: Float64Array.of(-1, 11, 5, NaN), ys: Float64Array.of(5, 5, 11, 5) }, places)).toEqual([]);
  });
});

describe('rgbOf', () => {
  it('reads the parts of every colour that a choice is drawn in', () => {
    expect(rgbOf('#0072b2')).toEqual([0, 114, 178]);
    for (const theme of ['light', 'dark'] as const) expect(rgbOf(chartColours(theme).best).every(Number.isInteger)).toBe(true);
  });
});

describe('strokeSteps', () => {
  it('goes along until the height changes, then up or down, and to the end', () => {
    const path: string[] = [];
    const note = (name: string) => (x: number, y: number): void => void path.push(`${name} ${x} ${y}`);
    const context = { moveTo: note('move'), lineTo: note('line'), beginPath: (): void => undefined, stroke: (): void => void path.push('stroke') };
    const line = { values: [null, 1, 1, 3, 3], colour: '#0072b2', width: 2 };
    strokeSteps(context as unknown as CanvasRenderingContext2D, line, [0, 1, 2, 3, 4], places);
    expect(path).toEqual(['move 10 90', 'line 10 90', 'line 30 90', 'line 30 70', 'line 40 70', 'stroke']);
  });
});
