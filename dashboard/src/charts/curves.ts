/** Learning curves: one line a trial, over steps. Pure: data in, `Picture` out. */
import { formatNumber } from '$lib/format';
import { bandAhead, drawForecasts, expecting, type Forecast } from './forecast';
import { colourOf, type ChartColours } from './palette';
import type { Line, Picture, Y } from './picture';

export interface Curve {
  /** Decides the colour; trial ids here. */
  readonly id: number;
  readonly label: string;
  readonly state: string;
  /** Ascending, without repeats. */
  readonly steps: readonly number[];
  readonly values: readonly number[];
  /** Where it is expected to go. */
  readonly forecast?: Forecast | null;
}

export interface CurvesOptions {
  readonly metric: string;
  /** The y axis carries no name where a heading above the chart does. */
  readonly isTitled?: boolean;
  readonly colours: ChartColours;
  /** Id of the best trial so far. */
  readonly bestId?: number | null;
}

/** Up to so many finished curves each keep a colour; beyond, they turn grey so that running ones and the best stand out. */
const MAX_COLOURED = 8;

/** Add points to a curve. A point is known by its step: one that is there already is replaced, never doubled. */
export function mergePoints<C extends Curve>(curve: C, points: readonly (readonly [step: number, value: number])[]): C {
  const last = curve.steps.at(-1) ?? -1;
  const isAppend = points.every(([step], i) => step > (points[i - 1]?.[0] ?? last));
  if (isAppend) {
    const steps = [...curve.steps, ...points.map(([step]) => step)];
    return { ...curve, steps, values: [...curve.values, ...points.map(([, value]) => value)] };
  }
  const byStep = new Map(curve.steps.map((step, i) => [step, curve.values[i] ?? NaN]));
  for (const [step, value] of points) byStep.set(step, value);
  const sorted = [...byStep].sort(([a], [b]) => a - b);
  return { ...curve, steps: sorted.map(([step]) => step), values: sorted.map(([, value]) => value) };
}

/** Add points of several metrics to curves that are labelled by metric; a metric not seen before starts a curve. */
export function growSeries<C extends Curve>(
  series: readonly C[],
  points: readonly (readonly [metric: string, step: number, value: number])[],
  begin: (metric: string) => C,
): C[] {
  const curves = new Map(series.map((curve) => [curve.label, curve]));
  for (const [metric, step, value] of points) {
    curves.set(metric, mergePoints(curves.get(metric) ?? begin(metric), [[step, value]]));
  }
  return [...curves.values()];
}

/** Put curves with different steps on one x axis, which has `more` steps too. A non-finite value becomes `null`, a step a curve lacks `undefined`. */
export function alignCurves(curves: readonly Curve[], more: readonly number[] = []): { xs: number[]; ys: Y[][] } {
  const xs = [...new Set([...curves.flatMap((curve) => curve.steps), ...more])].sort((a, b) => a - b);
  const place = new Map(xs.map((x, i) => [x, i]));
  const ys = curves.map((curve) => {
    const column = new Array<Y>(xs.length).fill(undefined);
    curve.steps.forEach((step, i) => {
      const value = curve.values[i] ?? NaN;
      column[place.get(step) ?? 0] = Number.isFinite(value) ? value : null;
    });
    return column;
  });
  return { xs, ys };
}

/** How many values of these curves are NaN or infinite. */
export function countNonFinite(curves: readonly Curve[]): number {
  let n = 0;
  for (const { values } of curves) for (const value of values) if (!Number.isFinite(value)) n += 1;
  return n;
}

type Look = Pick<Line, 'colour' | 'width' | 'dash'>;

/** How a curve is drawn, by the state of its trial. Dash and width carry the state too, not colour alone. */
export function lookOf(curve: Curve, nCurves: number, options: CurvesOptions): Look {
  const { colours } = options;
  if (curve.state === 'RUNNING' || curve.state === 'WAITING') return { colour: colourOf(curve.id, colours), width: 2.5 };
  if (curve.id === options.bestId) return { colour: colours.best, width: 2.5 };
  if (curve.state === 'PRUNED') return { colour: colours.faded, width: 1.25, dash: [5, 4] };
  if (curve.state === 'FAIL') return { colour: colours.bad, width: 1.25, dash: [2, 3] };
  const colour = nCurves <= MAX_COLOURED ? colourOf(curve.id, colours) : colours.quiet;
  return { colour, width: 1.5 };
}

/** What is drawn last lies on top: faded ones below, running ones and the best above. */
const rank = (curve: Curve, bestId: number | null | undefined): number => {
  if (curve.id === bestId) return 4;
  return { PRUNED: 0, FAIL: 1, COMPLETE: 2 }[curve.state] ?? 3;
};

/** Draw the learning curves of some trials. */
export function drawCurves(curves: readonly Curve[], options: CurvesOptions): Picture {
  const order = [...curves].sort((a, b) => rank(a, options.bestId) - rank(b, options.bestId) || a.id - b.id);
  const ahead = expecting(order);
  const { xs, ys } = alignCurves(order, ahead.flatMap((curve) => bandAhead(curve)?.steps ?? []));
  const lines = order.map((curve, i): Line => {
    return { key: curve.id, label: curve.label, values: ys[i] ?? [], mark: 'line', ...lookOf(curve, order.length, options) };
  });
  const expected = drawForecasts(ahead, xs, lines.length, options.colours);
  return {
    xs,
    lines: [...lines, ...expected.lines],
    bands: expected.bands,
    xLabel: 'step',
    yLabel: options.isTitled ? '' : options.metric,
    summary: summarise(curves, options.metric) + (ahead.length > 0 ? ` Bands show where ${countBands(ahead.length)} to go.` : ''),
  };
}

const countBands = (n: number): string => (n === 1 ? '1 of them is expected' : `${n} of them are expected`);

/** Say in a sentence what a chart of curves shows. */
export function summarise(curves: readonly Curve[], metric: string): string {
  let [low, high] = [Infinity, -Infinity];
  for (const { values } of curves) {
    for (const value of values) {
      if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
  }
  if (low > high) return `No points of ${metric} yet.`;
  const running = curves.filter((curve) => curve.state === 'RUNNING').length;
  const trials = curves.length === 1 ? '1 curve' : `${curves.length} curves`;
  const last = curves.reduce((step, curve) => Math.max(step, curve.steps.at(-1) ?? 0), 0);
  return `${trials} of ${metric} up to step ${last}, ${running} running, values from ${formatNumber(low)} to ${formatNumber(high)}.`;
}
