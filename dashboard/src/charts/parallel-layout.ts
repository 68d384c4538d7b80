/** Where axes and lines of parallel coordinates lie, in px, and which line the pointer is on. Pure. */
import type { Axis } from './parallel';

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly xs: readonly number[];
  readonly top: number;
  readonly bottom: number;
  /** Height of the lane of trials without a value. */
  readonly lane: number;
}

const LEFT = 46;
/** Room for the names of the last axis' ticks. */
const RIGHT = 64;
const TOP = 10;
const LANE_GAP = 22;
/** Axes closer than this cannot be read: the chart gets wider than its panel, which scrolls. */
const MIN_SPACING = 92;

/** Lay out `nAxes` axes in a panel of a width, with or without a lane. */
export function layOut(nAxes: number, panelWidth: number, height: number, hasLane: boolean): Layout {
  const width = Math.max(panelWidth, LEFT + RIGHT + (nAxes - 1) * MIN_SPACING);
  const spacing = nAxes > 1 ? (width - LEFT - RIGHT) / (nAxes - 1) : 0;
  const bottom = height - (hasLane ? LANE_GAP + 8 : 10);
  return { width, height, xs: Array.from({ length: nAxes }, (_, i) => LEFT + i * spacing), top: TOP, bottom, lane: bottom + LANE_GAP };
}

/** Height of a place on an axis, in px from the top; the lane for NaN. */
export const yOf = (layout: Layout, place: number): number =>
  Number.isNaN(place) ? layout.lane : layout.bottom - place * (layout.bottom - layout.top);

/** Place on an axis of a height in px: 0 at its low end, 1 at its high one. */
export const placeAt = (layout: Layout, y: number): number => (layout.bottom - y) / (layout.bottom - layout.top);

/** Every trial's height on every axis, in px. */
export const heightsOf = (layout: Layout, axes: readonly Axis[]): Float32Array[] =>
  axes.map(({ drawn }) => drawn.map((place) => yOf(layout, place)));

/** Find the axis whose line is nearest to x. */
export function nearestAxis(layout: Layout, x: number): number {
  let best = 0;
  layout.xs.forEach((at, i) => {
    if (Math.abs(at - x) < Math.abs((layout.xs[best] ?? 0) - x)) best = i;
  });
  return best;
}

/** Find the line nearest to a point, at most `reach` px above or below it; null where there is none. */
export function nearestLine(layout: Layout, heights: readonly Float32Array[], mask: Uint8Array | null, point: { x: number; y: number }, reach = 8): number | null {
  const right = layout.xs.findIndex((x) => x >= point.x);
  const k = Math.max(1, right < 0 ? layout.xs.length - 1 : right);
  const [from, to] = [heights[k - 1], heights[k]];
  const [x0 = 0, x1 = 0] = [layout.xs[k - 1], layout.xs[k]];
  if (!from || !to) return null;
  const share = Math.min(1, Math.max(0, (point.x - x0) / (x1 - x0)));
  return nearestAt(from, to, mask, { share, y: point.y }, reach);
}

interface Between {
  /** How far the point is on the way from one axis to the next, 0 to 1. */
  readonly share: number;
  readonly y: number;
}

function nearestAt(from: Float32Array, to: Float32Array, mask: Uint8Array | null, { share, y }: Between, reach: number): number | null {
  let best: number | null = null;
  let least = reach;
  from.forEach((a, i) => {
    const distance = Math.abs(a + share * ((to[i] ?? 0) - a) - y);
    if (distance > least || mask?.[i] === 0) return;
    least = distance;
    best = i;
  });
  return best;
}

/** Where a dragged axis goes: the keys in their new order. */
export function moveKey(keys: readonly string[], key: string, to: number): string[] {
  const others = keys.filter((other) => other !== key);
  others.splice(Math.min(Math.max(0, to), others.length), 0, key);
  return others;
}
