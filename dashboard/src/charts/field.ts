/** Learning curves of many trials on axes of their own points: what is drawn, in which look, and what is no number. Pure. */
import { lookOf, summarise, type Curve, type CurvesOptions } from './curves';
import { bandAhead, expecting } from './forecast';
import { colourOf, faint } from './palette';
import { smooth } from './smooth';

export interface TimedCurve extends Curve {
  /** Seconds since the trial started, a point; null where curves are shown over steps. */
  readonly times: readonly number[] | null;
}

export interface FieldOptions extends CurvesOptions {
  readonly x: 'step' | 'time';
  readonly xLabel: string;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
  /** Weight of the past, 0 to below 1. */
  readonly smoothing: number;
  /** Ids of the chosen trials; null where nothing is chosen. */
  readonly chosen: ReadonlySet<number> | null;
}

export interface FieldLine {
  readonly key: number;
  readonly label: string;
  readonly xs: readonly number[];
  /** NaN where the line breaks. */
  readonly ys: readonly number[];
  /** The points as they are, where `ys` is smoothed. */
  readonly raw: readonly number[] | null;
  readonly colour: string;
  readonly width: number;
  readonly dash?: readonly number[];
  /** Drawn on the layer below, which changes seldom. */
  readonly isQuiet: boolean;
}

export interface FieldBand {
  readonly key: number;
  readonly xs: readonly number[];
  readonly low: readonly number[];
  readonly middle: readonly number[];
  readonly high: readonly number[];
  readonly fill: string;
  readonly stroke: string;
}

/** A point that has no place: not a number, infinite, or not positive on a logarithmic axis. */
export interface Mark {
  readonly key: number;
  readonly x: number;
  readonly kind: 'nan' | 'up' | 'down';
}

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface Field {
  readonly lines: readonly FieldLine[];
  readonly bands: readonly FieldBand[];
  readonly marks: readonly Mark[];
  readonly x: Range;
  readonly y: Range;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
  /** Whether x counts steps or epochs on a linear axis: its ticks are whole then. */
  readonly isXWhole: boolean;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly summary: string;
}

/** Dashes of more lines than this cost more than they say: faded ones are told by their paleness then. */
const MAX_DASHED = 100;
/** More chosen curves than this are drawn thin, above the others on their layer: thick ones are drawn again at each move of the pointer. */
const MAX_STRONG = 50;

/** Draw curves. */
export function drawField(curves: readonly TimedCurve[], options: FieldOptions): Field {
  const order = [...curves].sort((a, b) => rank(a, options) - rank(b, options) || a.id - b.id);
  const lines = order.map((curve) => lineOf(curve, order.length, options));
  const ahead = options.x === 'step' ? expecting(order) : [];
  const bands = ahead.map((curve) => bandOf(curve, options));
  return {
    lines,
    bands,
    marks: lines.flatMap((line) => marksOf(line, options)),
    x: rangeOf([...lines, ...bands].map(({ xs }) => xs), options.isLogX),
    y: rangeOf([...lines.map(({ ys, raw }) => raw ?? ys), ...bands.flatMap(({ low, high }) => [low, high])], options.isLogY),
    isLogX: options.isLogX,
    isLogY: options.isLogY,
    isXWhole: options.x === 'step' && !options.isLogX,
    xLabel: options.xLabel,
    yLabel: options.metric,
    summary: summarise(curves, options.metric) + (bands.length > 0 ? ` Bands show where ${countBands(bands.length)} to go.` : ''),
  };
}

const countBands = (n: number): string => (n === 1 ? '1 of them is expected' : `${n} of them are expected`);

/** What is drawn last lies on top. */
function rank(curve: Curve, { bestId, chosen }: FieldOptions): number {
  if (chosen?.has(curve.id)) return 5;
  if (curve.id === bestId) return 4;
  return { PRUNED: 0, FAIL: 1, COMPLETE: 2 }[curve.state] ?? 3;
}

function lineOf(curve: TimedCurve, nCurves: number, options: FieldOptions): FieldLine {
  const { dash, ...look } = lookWith(curve, nCurves, options);
  const { colours, smoothing } = options;
  return {
    key: curve.id,
    label: curve.label,
    xs: curve.times ?? curve.steps,
    ys: smoothing > 0 ? smooth(curve.values, smoothing) : curve.values,
    raw: smoothing > 0 ? curve.values : null,
    ...look,
    ...(dash && nCurves <= MAX_DASHED ? { dash } : {}),
    isQuiet: look.width < 2 && (nCurves > MAX_DASHED || look.colour === colours.quiet || look.colour === colours.faded),
  };
}

/** A choice brings its curves forward and lets all others fade. */
function lookWith(curve: Curve, nCurves: number, options: FieldOptions): ReturnType<typeof lookOf> {
  const { chosen, colours } = options;
  if (chosen?.has(curve.id)) return { colour: colourOf(curve.id, colours), width: chosen.size > MAX_STRONG ? 1.25 : 2.5 };
  if (chosen !== null) return { colour: colours.faded, width: 1 };
  return lookOf(curve, nCurves, options);
}

function bandOf(curve: TimedCurve, { colours }: FieldOptions): FieldBand {
  const { steps = [], low = [], middle = [], high = [] } = bandAhead(curve) ?? {};
  const colour = colourOf(curve.id, colours);
  return { key: curve.id, xs: steps, low, middle, high, fill: faint(colour, 0.16), stroke: colour };
}

function marksOf({ key, xs, raw, ys }: FieldLine, { isLogY }: FieldOptions): Mark[] {
  const marks: Mark[] = [];
  (raw ?? ys).forEach((value, i) => {
    const x = xs[i] ?? NaN;
    if (Number.isNaN(value)) marks.push({ key, x, kind: 'nan' });
    else if (value === Infinity) marks.push({ key, x, kind: 'up' });
    else if (value === -Infinity || (isLogY && value <= 0)) marks.push({ key, x, kind: 'down' });
  });
  return marks;
}

/** From the least to the greatest finite value, positive ones alone on a logarithmic axis; [0, 1] where there is none. */
function rangeOf(columns: readonly (readonly number[])[], isLog: boolean): Range {
  const { low, high } = extentOf(columns, isLog ? Number.MIN_VALUE : -Infinity);
  if (low > high) return isLog ? { low: 1, high: 10 } : { low: 0, high: 1 };
  if (low < high) return { low, high };
  return isLog ? { low: low / 2, high: high * 2 } : { low: low - (Math.abs(low) * 0.1 || 1), high: high + (Math.abs(high) * 0.1 || 1) };
}

/** The least and the greatest finite value from `least` on; turned round where there is none. */
function extentOf(columns: readonly (readonly number[])[], least: number): Range {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    for (const value of column) {
      if (!Number.isFinite(value) || value < least) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high };
}

/** The range of y with some room above and below. */
export function padded({ low, high }: Range, isLog: boolean): Range {
  if (isLog) return { low: low / (high / low) ** 0.04, high: high * (high / low) ** 0.04 };
  const room = (high - low) * 0.05;
  return { low: low - room, high: high + room };
}

/** What y covers between two places of x, so that a zoom uses the whole height; null where no point lies there. */
export function yWithin(field: Field, span: Range): Range | null {
  const columns = field.lines.map(({ xs, ys, raw }) => {
    const [from, to] = indicesWithin(xs, span);
    return (raw ?? ys).slice(from, to);
  });
  return columns.some((column) => column.some(Number.isFinite)) ? rangeOf(columns, field.isLogY) : null;
}

/** Indices `[from, to)` of the ascending `xs` within a span. */
export function indicesWithin(xs: readonly number[], { low, high }: Range): [number, number] {
  return [firstAtLeast(xs, low), firstAtLeast(xs, high, true)];
}

function firstAtLeast(xs: readonly number[], value: number, isBeyond = false): number {
  let [from, to] = [0, xs.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const x = xs[middle] ?? 0;
    if (x < value || (isBeyond && x === value)) from = middle + 1;
    else to = middle;
  }
  return from;
}
