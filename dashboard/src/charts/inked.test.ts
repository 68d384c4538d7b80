import { describe, expect, it } from 'vitest';
import type { FieldLine } from './field';
import { FULL, weightAt } from './ink';
import { CurvePaper } from './inked';

const VIEW = { x: { low: 0, high: 10 }, y: { low: 0, high: 10 }, width: 100, height: 100, isLogX: false, isLogY: false };
const line = (xs: number[], ys: number[], more: Partial<FieldLine> = {}): FieldLine => {
  return { key: 1, label: 'Trial 1', xs, ys, raw: null, colour: '#0072b2', width: 1, isQuiet: true, ...more };
};
/** How much ink lies in a column of pixels. */
const inColumn = ({ ink }: CurvePaper, x: number): number => Array.from({ length: 100 }, (_, y) => weightAt(ink, x, y)).reduce((sum, one) => sum + one, 0);
const paperOf = (...lines: FieldLine[]): CurvePaper => {
  const paper = new CurvePaper(VIEW);
  lines.forEach((one) => paper.lay(one));
  return paper;
};

describe('CurvePaper', () => {
  it('lays a curve where its points lie', () => {
    const paper = paperOf(line([0, 10], [5, 5]));
    expect(inColumn(paper, 50)).toBe(FULL);
    expect(weightAt(paper.ink, 50, 49) + weightAt(paper.ink, 50, 50)).toBe(FULL);
  });

  it('breaks where a point is no number, and shows a lone point', () => {
    const paper = paperOf(line([0, 2, 4, 6, 8, 10], [5, 5, NaN, 5, Infinity, 5]));
    expect([10, 30, 50, 70, 90].map((x) => inColumn(paper, x) > 0)).toEqual([true, false, false, false, false]);
    expect([60, 99].map((x) => inColumn(paper, x) > 0)).toEqual([true, true]);
  });

  it('keeps to the window, whatever lies beyond it', () => {
    const paper = paperOf(line([-1e6, 5, 1e6], [5, 5, 5]));
    expect([0, 50, 99].map((x) => inColumn(paper, x))).toEqual([FULL, FULL, FULL]);
  });

  it('lays what a curve is smoothed from faint beneath', () => {
    const paper = paperOf(line([0, 10], [5, 5], { raw: [2, 2] }));
    expect([weightAt(paper.ink, 50, 79), weightAt(paper.ink, 50, 80)].reduce((sum, one) => sum + one)).toBe(Math.round(0.28 * FULL));
    expect(inColumn(paper, 50)).toBe(FULL + Math.round(0.28 * FULL));
  });
});
