/** How a brush on an axis follows pointer and keys. Pure: coordinates are those of `Axis`. */
import { coordinateAt, placeOn, type Axis, type Brush } from './parallel';

export interface Drag {
  readonly kind: 'new' | 'move' | 'low' | 'high';
  /** Where it began, as a place on the axis. */
  readonly from: number;
  /** The brush as it was, as places. */
  readonly low: number;
  readonly high: number;
}

/** Brushes with one of an axis put in, or out where it is null. */
export function withBrush(brushes: readonly Brush[], key: string, brush: Brush | null): Brush[] {
  const others = brushes.filter((other) => other.key !== key);
  return brush ? [...others, brush] : others;
}

/** Begin to drag at a place: an end of the brush that is within `reach` (of the axis' length), the brush, or a new one. */
export function beginDrag(axis: Axis, brush: Brush | undefined, place: number, reach: number): Drag {
  if (!brush) return { kind: 'new', from: place, low: place, high: place };
  const [low, high] = [placeOn(axis, brush.low), placeOn(axis, brush.high)];
  if (Math.abs(place - high) <= reach) return { kind: 'high', from: place, low, high };
  if (Math.abs(place - low) <= reach) return { kind: 'low', from: place, low, high };
  if (place > low && place < high) return { kind: 'move', from: place, low, high };
  return { kind: 'new', from: place, low: place, high: place };
}

/** The brush once the pointer has come to a place. */
export function dragTo(axis: Axis, drag: Drag, place: number): Brush {
  if (drag.kind === 'move') return moved(axis, drag.low, drag.high, place - drag.from);
  const fixed = drag.kind === 'high' ? drag.low : drag.kind === 'low' ? drag.high : drag.from;
  return between(axis, fixed, place);
}

export type Nudge = 'move' | 'low' | 'high';

/** Move a brush, or one of its ends, by a step up (1) or down (-1): one choice, or a twentieth of the axis. */
export function nudge(axis: Axis, brush: Brush, what: Nudge, direction: 1 | -1): Brush {
  const by = direction * (axis.choices ? 1 / Math.max(1, axis.choices.length) : 0.05);
  const [low, high] = [placeOn(axis, brush.low), placeOn(axis, brush.high)];
  if (what === 'move') return moved(axis, low, high, by);
  return what === 'low' ? between(axis, Math.min(low + by, high), high) : between(axis, low, Math.max(high + by, low));
}

/** The brush that a key begins with: the upper half of the axis. */
export const upperHalf = (axis: Axis): Brush => between(axis, 0.5, 1);

function moved(axis: Axis, low: number, high: number, by: number): Brush {
  const held = Math.min(1 - high, Math.max(-low, by));
  return between(axis, low + held, high + held);
}

const between = (axis: Axis, a: number, b: number): Brush => ({
  key: axis.key,
  low: coordinateAt(axis, Math.min(a, b)),
  high: coordinateAt(axis, Math.max(a, b)),
});
