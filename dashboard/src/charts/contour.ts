/**
 * Contour: the objective over two parameters, estimated between the trials.
 *
 * The estimate at a point is the mean of the trials around it, weighted by a Gaussian of their distance on the axes
 * (a share of the axis, log where the axis is) with Scott's bandwidth. Where less than a trial's weight at one bandwidth
 * is near, nothing is known and nothing is drawn. Choices are never mixed with each other.
 *
 * Source: Nadaraya, "On estimating regression", 1964; Scott, "Multivariate density estimation", 1992, section 6.3. Pure.
 */
import { axisOfParam, toUnit, type Axis } from './canvas/axis';
import type { Field, ScatterPicture } from './canvas/picture';
import { INKS, markTrials, placesWhere, spreadOf, type Theme } from './marks';
import { coordinates, isResult, type ObjectiveValues, type ParamValues, type TrialSet } from './trials';

export interface ContourOptions {
  readonly objective: ObjectiveValues;
  readonly x: ParamValues;
  readonly y: ParamValues;
  readonly theme: Theme;
}

export interface Contour {
  readonly picture: ScatterPicture;
  /** The values at the ends of the colours; those beyond have the end's colour. Null without results. */
  readonly scale: { readonly worst: number; readonly best: number } | null;
}

/** So many dots would hide the field: they are drawn thin. */
const MANY = 5000;
/** Bins of a number's axis. */
const N_BINS = 64;
/** What a trial weighs at one bandwidth and a quarter from it: less than that is taken for nothing known. */
const LEAST_WEIGHT = Math.exp(-(1.25 ** 2) / 2);
/** The colours span these parts of the results: some that diverged would leave one colour for all others. */
const [LOW_PART, HIGH_PART] = [0.05, 0.95];

/** Draw the field of two parameters and the trials on it. */
export function drawContour(trials: TrialSet, { objective, x, y, theme }: ContourOptions): Contour {
  const results = placesWhere(trials.n, (place) => isResult(trials, objective, place));
  const scale = scaleOf(results.map((place) => objective.values[place] ?? NaN), objective.direction);
  const axes = { x: axisOfParam(x), y: axisOfParam(y) };
  const marks = markTrials(trials, spreadOf(x, trials.numbers), spreadOf(y, trials.numbers), { objective, theme, shade: () => 0 });
  const quiet = marks.looks.map((look) => (look.shape === 'dot' ? { ...look, rgb: INKS[theme].text, radius: Math.min(look.radius, 2), alpha: marks.keys.length > MANY ? 0.12 : 0.55 } : look));
  const field = scale && estimate(results, objective, { x, y, axes, scale });
  const n = marks.keys.length;
  const summary = `${objective.metric} over ${x.name} and ${y.name}, estimated from ${results.length} ${results.length === 1 ? 'result' : 'results'}; ${n} trials drawn.`;
  return { picture: { ...marks, ...axes, looks: quiet, ...(field ? { field } : {}), summary }, scale };
}

function scaleOf(values: readonly number[], direction: ObjectiveValues['direction']): Contour['scale'] {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return null;
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? NaN;
  const [low, high] = [at(LOW_PART), at(HIGH_PART)];
  return direction === 'maximize' ? { worst: low, best: high } : { worst: high, best: low };
}

interface Ground {
  readonly x: ParamValues;
  readonly y: ParamValues;
  readonly axes: { readonly x: Axis; readonly y: Axis };
  readonly scale: { readonly worst: number; readonly best: number };
}

/** Count trials into bins, smooth weights and values alike, and divide: as exact as the bins are fine, for any number. */
function estimate(results: readonly number[], objective: ObjectiveValues, { x, y, axes, scale }: Ground): Field {
  const [nColumns, nRows] = [binsOf(x), binsOf(y)];
  const weights = new Float64Array(nColumns * nRows);
  const sums = new Float64Array(nColumns * nRows);
  const [acrosses, ups] = [coordinates(x), coordinates(y)];
  const used = results.filter((place) => Number.isFinite(acrosses[place]) && Number.isFinite(ups[place]));
  for (const place of used) {
    const at = binOf(toUnit(axes.y, ups[place] ?? NaN), nRows) * nColumns + binOf(toUnit(axes.x, acrosses[place] ?? NaN), nColumns);
    weights[at] = (weights[at] ?? 0) + 1;
    sums[at] = (sums[at] ?? 0) + shadeOf(objective.values[place] ?? NaN, scale);
  }
  const kernels = { across: kernelOf(x, used.length), up: kernelOf(y, used.length) };
  const grid = { nColumns, nRows };
  const [mass, total] = [smooth(weights, grid, kernels), smooth(sums, grid, kernels)];
  const values = Float32Array.from(total, (sum, i) => ((mass[i] ?? 0) < LEAST_WEIGHT ? NaN : sum / (mass[i] ?? 1)));
  return { nColumns, nRows, values, isStepX: x.kind === 'category', isStepY: y.kind === 'category' };
}

/** From 0 (as bad as the bad end of the colours) to 1 (as good as the good one). */
function shadeOf(value: number, { worst, best }: { worst: number; best: number }): number {
  return best === worst ? 0.5 : Math.min(Math.max((value - worst) / (best - worst), 0), 1);
}

const binsOf = (param: ParamValues): number => (param.kind === 'category' ? Math.max(param.choices.length, 1) : N_BINS);
const binOf = (at: number, n: number): number => Math.min(Math.max(Math.floor(at * n), 0), n - 1);

/** Weights of 0, 1, 2 ... bins away. Values spread evenly have a standard deviation of 0.29 of the axis. */
function kernelOf(param: ParamValues, n: number): Float64Array {
  if (param.kind === 'category') return Float64Array.of(1);
  const width = Math.max(0.29 * Math.max(n, 1) ** (-1 / 6), 0.03) * N_BINS;
  return Float64Array.from({ length: Math.ceil(3 * width) + 1 }, (_, i) => Math.exp(-((i / width) ** 2) / 2));
}

function smooth(cells: Float64Array, { nColumns, nRows }: { nColumns: number; nRows: number }, kernels: { across: Float64Array; up: Float64Array }): Float64Array {
  const along = new Float64Array(cells.length);
  const done = new Float64Array(cells.length);
  for (let row = 0; row < nRows; row += 1) spread(cells, along, { start: row * nColumns, stride: 1, n: nColumns }, kernels.across);
  for (let column = 0; column < nColumns; column += 1) spread(along, done, { start: column, stride: nColumns, n: nRows }, kernels.up);
  return done;
}

/** Smooth one line of cells. Effects: adds to `to`. */
function spread(from: Float64Array, to: Float64Array, { start, stride, n }: { start: number; stride: number; n: number }, kernel: Float64Array): void {
  for (let i = 0; i < n; i += 1) {
    const value = from[start + i * stride] ?? 0;
    if (value === 0) continue;
    const [first, last] = [Math.max(0, i - kernel.length + 1), Math.min(n - 1, i + kernel.length - 1)];
    for (let j = first; j <= last; j += 1) {
      const at = start + j * stride;
      to[at] = (to[at] ?? 0) + value * (kernel[Math.abs(j - i)] ?? 0);
    }
  }
}
