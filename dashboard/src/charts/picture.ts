/** What a line chart draws, as plain data: charts are functions to a `Picture`, and one wrapper draws any of them. */

/** `undefined`: this line has no point at this x. `null`: it has one that is not a finite number, so the line breaks. */
export type Y = number | null | undefined;

export interface Line {
  /** Identifies the line between two pictures, and to whoever handles a click. */
  readonly key: number;
  /** Names the line in the readout, e.g. `Trial 12`. */
  readonly label: string;
  readonly values: readonly Y[];
  readonly mark: 'line' | 'step' | 'dots';
  readonly colour: string;
  readonly width: number;
  readonly dash?: readonly number[];
}

/** The room between two lines, filled; both are places in `Picture.lines`. */
export interface Band {
  readonly upper: number;
  readonly lower: number;
  readonly colour: string;
}

/** A place that is pointed out: a line across the chart at an x, or along it at a y. */
export interface Mark {
  readonly at: number;
  readonly axis: 'x' | 'y';
  readonly label: string;
}

export interface Picture {
  readonly xs: readonly number[];
  readonly lines: readonly Line[];
  readonly bands?: readonly Band[];
  readonly marks?: readonly Mark[];
  /** Whether y grows by factors; then all values are positive. */
  readonly isLog?: boolean;
  /** Whether x is any number; else it counts trials or steps, and its ticks are whole. */
  readonly isXContinuous?: boolean;
  readonly xLabel: string;
  readonly yLabel: string;
  /** One sentence for those who cannot see the chart. */
  readonly summary: string;
}

export interface Hit {
  /** Index into `Picture.lines` and `Picture.xs`. */
  readonly line: number;
  readonly index: number;
}

/** A drawn point, resolved from a hit. */
export interface Spot {
  readonly line: Line;
  readonly x: number;
  readonly y: number;
}

/** Resolve a hit; null where there is no such point (any more). */
export function spotAt(picture: Picture, hit: Hit | null): Spot | null {
  const line = hit ? picture.lines[hit.line] : undefined;
  const x = hit ? picture.xs[hit.index] : undefined;
  const y = hit && line ? line.values[hit.index] : undefined;
  return line && x !== undefined && typeof y === 'number' ? { line, x, y } : null;
}

/** Where the pointer is and how data become pixels. */
export interface Pointer {
  readonly left: number;
  readonly top: number;
  readonly toLeft: (x: number) => number;
  readonly toTop: (y: number) => number;
}

/** Find the point nearest to the pointer, at most `reach` px away; among equals the line drawn last, which is on top. */
export function nearestPoint(picture: Picture, pointer: Pointer, reach = 32): Hit | null {
  let best: Hit | null = null;
  let bestDistance = reach * reach;
  const [from, to] = rangeWithin(picture.xs, pointer.toLeft, pointer.left - reach, pointer.left + reach);
  const lefts = picture.xs.slice(from, to).map(pointer.toLeft);
  for (const [line, { values }] of picture.lines.entries()) {
    for (let index = from; index < to; index += 1) {
      const y = values[index];
      if (y === null || y === undefined) continue;
      const distance = ((lefts[index - from] ?? 0) - pointer.left) ** 2 + (pointer.toTop(y) - pointer.top) ** 2;
      if (distance <= bestDistance) {
        bestDistance = distance;
        best = { line, index };
      }
    }
  }
  return best;
}

/** Indices `[from, to)` of the ascending `xs` whose places lie within `[low, high]`. */
function rangeWithin(xs: readonly number[], toLeft: (x: number) => number, low: number, high: number): [number, number] {
  return [firstWhere(xs, (x) => toLeft(x) >= low), firstWhere(xs, (x) => toLeft(x) > high)];
}

/** Place of the first of the ascending `xs` from which on `isReached` is true; their number where it never is. */
function firstWhere(xs: readonly number[], isReached: (x: number) => boolean): number {
  let [from, to] = [0, xs.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isReached(xs[middle] ?? NaN)) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** What decides whether a drawn chart can take new data as it is, or must be built anew. */
export function shapeOf(picture: Picture): string {
  const lines = picture.lines.map((line) => [line.key, line.mark, line.colour, line.width, line.dash?.join('-') ?? '']);
  const kind = [picture.isXContinuous ?? false, picture.isLog ?? false];
  return JSON.stringify([picture.xLabel, picture.yLabel, kind, lines, picture.bands ?? [], picture.marks ?? []]);
}
