/** What a scatter-like chart draws, as plain data: charts are functions to it, and `ScatterChart` draws any of them. */
import type { Axis } from './axis';

export type Shape = 'dot' | 'ring' | 'cross' | 'diamond' | 'square' | 'plus';

/** How some of the marks look. */
export interface Look {
  readonly shape: Shape;
  readonly rgb: readonly [number, number, number];
  /** Half of its width, px. */
  readonly radius: number;
  /** From 0 to 1. */
  readonly alpha: number;
}

/** A line in the values of the axes, drawn under the marks. */
export interface PathMark {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly rgb: readonly [number, number, number];
  readonly width: number;
  readonly dash?: readonly number[];
}

/** Values between the marks on an even grid from end to end of both axes; row 0 lies at the low end of y. */
export interface Field {
  readonly nColumns: number;
  readonly nRows: number;
  /** By row, from 0 to 1 as the colours go; NaN where nothing is known. */
  readonly values: Float32Array;
  /** Whether cells of an axis stand for choices, between which nothing lies. */
  readonly isStepX: boolean;
  readonly isStepY: boolean;
}

/** A word at a place, in values of the axes. */
export interface Label {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface ScatterPicture {
  /** Trial numbers, ascending; place i of each array is the same mark. */
  readonly keys: Int32Array;
  /** In values of the axes. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Places in `looks`; marks with a later look are drawn above the others. */
  readonly styles: Uint8Array;
  readonly looks: readonly Look[];
  readonly x: Axis;
  readonly y: Axis;
  readonly paths?: readonly PathMark[];
  readonly field?: Field;
  readonly labels?: readonly Label[];
  /** Whether a length across is the same length up, as in a projection. */
  readonly isSquare?: boolean;
  /** Trials that cannot be drawn, for want of a value on an axis. */
  readonly nHidden: number;
  /** One sentence for those who cannot see the chart. */
  readonly summary: string;
}

/** A part of the whole picture, both axes from 0 to 1. */
export interface Window {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly top: number;
}

export const WHOLE: Window = { left: 0, right: 1, bottom: 0, top: 1 };

/** Radius and opacity of marks, so that many of them still show where they are dense. */
export function weightFor(n: number): { radius: number; alpha: number } {
  if (n > 10_000) return { radius: 1.5, alpha: 0.55 };
  if (n > 2_000) return { radius: 2.2, alpha: 0.7 };
  return n > 300 ? { radius: 3, alpha: 0.8 } : { radius: 4, alpha: 0.9 };
}
