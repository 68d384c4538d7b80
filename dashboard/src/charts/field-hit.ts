/** Which learning curve the pointer is on. Pure. */
import { indicesWithin, type FieldLine } from './field';

/** Where the pointer is, and how places on the axes become places on the screen. */
export interface At {
  readonly left: number;
  readonly top: number;
  readonly toLeft: (x: number) => number;
  readonly toTop: (y: number) => number;
  /** From px to x. */
  readonly toX: (left: number) => number;
}

export interface FieldHit {
  readonly line: number;
  readonly index: number;
}

/** Find the curve nearest to the pointer, at most `reach` px away, and its point nearest in x; among equals the topmost. */
export function nearestLine(lines: readonly FieldLine[], at: At, reach = 24): FieldHit | null {
  let best: FieldHit | null = null;
  let bestDistance = reach * reach;
  const span = { low: at.toX(at.left - reach), high: at.toX(at.left + reach) };
  lines.forEach(({ xs, ys }, line) => {
    const [first, end] = indicesWithin(xs, span);
    for (let i = Math.max(0, first - 1); i < Math.min(end, xs.length); i += 1) {
      const next = Math.min(i + 1, xs.length - 1);
      const distance = toSegment(at, pointAt(xs, ys, i), pointAt(xs, ys, next));
      if (distance > bestDistance) continue;
      bestDistance = distance;
      best = { line, index: nearerIn(xs, at, i, next) };
    }
  });
  return best;
}

type XY = readonly [x: number, y: number];

const pointAt = (xs: readonly number[], ys: readonly number[], i: number): XY => [xs[i] ?? NaN, ys[i] ?? NaN];

const nearerIn = (xs: readonly number[], { left, toLeft }: At, i: number, next: number): number =>
  Math.abs(toLeft(xs[next] ?? 0) - left) < Math.abs(toLeft(xs[i] ?? 0) - left) ? next : i;

/** Squared distance in px from the pointer to a piece of a line; to its one end where the other has no place. */
function toSegment(at: At, [x0, y0]: XY, [x1, y1]: XY): number {
  const a = [at.toLeft(x0) - at.left, at.toTop(y0) - at.top] as const;
  const b = [at.toLeft(x1) - at.left, at.toTop(y1) - at.top] as const;
  if (Number.isNaN(a[1])) return Number.isNaN(b[1]) ? Infinity : b[0] ** 2 + b[1] ** 2;
  const d = Number.isNaN(b[1]) ? ([0, 0] as const) : ([b[0] - a[0], b[1] - a[1]] as const);
  const length = d[0] ** 2 + d[1] ** 2;
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, -(a[0] * d[0] + a[1] * d[1]) / length));
  return (a[0] + share * d[0]) ** 2 + (a[1] + share * d[1]) ** 2;
}
