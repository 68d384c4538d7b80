/** Where marks lie on the screen, which is nearest, which lie in a box, and how the shown part changes. Pure. */
import { toUnit, type Axis } from './axis';
import type { Window } from './picture';

/** Marks between 0 and 1 on both axes; NaN for what an axis cannot show. */
export interface Places {
  readonly across: Float64Array;
  readonly up: Float64Array;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function placesOf(xs: Float64Array, ys: Float64Array, x: Axis, y: Axis): Places {
  return { across: xs.map((value) => toUnit(x, value)), up: ys.map((value) => toUnit(y, value)) };
}

/** From a place between 0 and 1 to px in a box of the given size that shows `window`. */
export const toLeft = (across: number, window: Window, width: number): number => ((across - window.left) / (window.right - window.left)) * width;
export const toTop = (up: number, window: Window, height: number): number => ((window.top - up) / (window.top - window.bottom)) * height;

/** Find the mark nearest to a point of a box, at most `reach` px away; -1 where there is none. The last of equals wins. */
export function nearestMark(places: Places, window: Window, size: { width: number; height: number }, point: { left: number; top: number }, reach = 24): number {
  const [perX, perY] = [size.width / (window.right - window.left), size.height / (window.top - window.bottom)];
  const [x, y] = [window.left + point.left / perX, window.top - point.top / perY];
  let best = -1;
  let bestDistance = reach * reach;
  for (let i = 0; i < places.across.length; i += 1) {
    const distance = (((places.across[i] ?? NaN) - x) * perX) ** 2 + (((places.up[i] ?? NaN) - y) * perY) ** 2;
    if (distance <= bestDistance) [best, bestDistance] = [i, distance];
  }
  return best;
}

/** The part of what `window` shows that lies in a box on a chart of the given size. */
export function windowOf(box: Box, window: Window, size: { width: number; height: number }): Window {
  const across = (left: number): number => window.left + (left / size.width) * (window.right - window.left);
  const up = (top: number): number => window.top - (top / size.height) * (window.top - window.bottom);
  return { left: across(box.left), right: across(box.left + box.width), top: up(box.top), bottom: up(box.top + box.height) };
}

/** Places of the marks that lie within a window. */
export function marksWithin(places: Places, window: Window): number[] {
  const found: number[] = [];
  for (let i = 0; i < places.across.length; i += 1) {
    const [x, y] = [places.across[i] ?? NaN, places.up[i] ?? NaN];
    if (x >= window.left && x <= window.right && y >= window.bottom && y <= window.top) found.push(i);
  }
  return found;
}

/** The smallest part that can be shown. */
const LEAST = 1e-4;

/** Zoom by a factor (below 1: closer) around a point that stays where it is; never beyond the whole. */
export function zoomed(window: Window, factor: number, across: number, up: number): Window {
  const [left, right] = scaled(window.left, window.right, factor, across);
  const [bottom, top] = scaled(window.bottom, window.top, factor, up);
  return { left, right, bottom, top };
}

function scaled(low: number, high: number, factor: number, around: number): [number, number] {
  const span = Math.min(Math.max((high - low) * factor, LEAST), 1);
  const from = around - ((around - low) / (high - low)) * span;
  const start = Math.min(Math.max(from, 0), 1 - span);
  return [start, start + span];
}

/** The marks from left to right, for the keyboard; those that are not drawn are left out. */
export function fromLeft(places: Places): Int32Array {
  const drawn = [...places.across.keys()].filter((i) => !Number.isNaN(places.across[i]) && !Number.isNaN(places.up[i]));
  return Int32Array.from(drawn.sort((a, b) => (places.across[a] ?? 0) - (places.across[b] ?? 0) || (places.up[a] ?? 0) - (places.up[b] ?? 0)));
}
