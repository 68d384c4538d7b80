/** Trials as marks: which of them a chart of results shows, and how each looks. Pure. */
import { hasEnded } from '$lib/study';
import { axisFor, type Axis } from './canvas/axis';
import { weightFor, type Look, type ScatterPicture } from './canvas/picture';
import { bestPlace, isResult, type ObjectiveValues, type ParamValues, type TrialSet } from './trials';
import { viridisRgb } from './viridis';

export type Theme = 'light' | 'dark';
type Rgb = readonly [number, number, number];

/** Steps of the colour scale. */
const N_SHADES = 16;
export const PRUNED_LOOK = N_SHADES;
export const INFEASIBLE_LOOK = N_SHADES + 1;
export const BEST_LOOK = N_SHADES + 2;

/** Vermilion and greys of `palette.ts`, as numbers. */
export const INKS: Readonly<Record<Theme, { readonly best: Rgb; readonly quiet: Rgb; readonly bad: Rgb; readonly text: Rgb; readonly own: Rgb }>> = {
  light: { best: [213, 94, 0], quiet: [104, 120, 136], bad: [176, 58, 0], text: [23, 32, 42], own: [0, 114, 178] },
  dark: { best: [240, 138, 75], quiet: [150, 166, 182], bad: [255, 154, 102], text: [229, 235, 241], own: [86, 180, 233] },
};

export type Marks = Pick<ScatterPicture, 'keys' | 'xs' | 'ys' | 'styles' | 'looks' | 'nHidden'>;

export interface MarkOptions {
  readonly objective: ObjectiveValues;
  readonly theme: Theme;
  /** The colour of a result, from 0 to 1. */
  readonly shade: (place: number) => number;
}

/**
 * Mark the completed and pruned trials that have a place on both axes. Results are dots in viridis, pruned trials rings,
 * those that break a constraint crosses, and the best is a diamond.
 */
export function markTrials(trials: TrialSet, xs: Float64Array, ys: Float64Array, { objective, theme, shade }: MarkOptions): Marks {
  const ended = placesWhere(trials.n, (place) => hasEnded(trials.states[place]));
  const shown = ended.filter((place) => trials.states[place] !== 'FAIL' && Number.isFinite(xs[place]) && Number.isFinite(ys[place]));
  const best = bestPlace(trials, objective);
  const lookOf = (place: number): number => {
    if (place === best) return BEST_LOOK;
    if (isResult(trials, objective, place)) return Math.min(Math.floor(shade(place) * N_SHADES), N_SHADES - 1);
    return trials.isFeasible[place] === 1 ? PRUNED_LOOK : INFEASIBLE_LOOK;
  };
  return {
    keys: Int32Array.from(shown, (place) => trials.numbers[place] ?? 0),
    xs: Float64Array.from(shown, (place) => xs[place] ?? NaN),
    ys: Float64Array.from(shown, (place) => ys[place] ?? NaN),
    styles: Uint8Array.from(shown, lookOf),
    looks: looksFor(shown.length, theme),
    nHidden: ended.length - shown.length,
  };
}

function looksFor(n: number, theme: Theme): Look[] {
  const { radius, alpha } = weightFor(n);
  const { best, quiet, bad } = INKS[theme];
  const shades = Array.from({ length: N_SHADES }, (_, i): Look => ({ shape: 'dot', rgb: viridisRgb((i + 0.5) / N_SHADES, theme), radius, alpha }));
  return [
    ...shades,
    { shape: 'ring', rgb: quiet, radius, alpha: 0.6 * alpha },
    { shape: 'cross', rgb: bad, radius, alpha },
    { shape: 'diamond', rgb: best, radius: Math.max(1.7 * radius, 5), alpha: 1 },
  ];
}

export function placesWhere(n: number, isWanted: (place: number) => boolean): number[] {
  const found: number[] = [];
  for (let place = 0; place < n; place += 1) if (isWanted(place)) found.push(place);
  return found;
}

/** Where positive values span so many times the usual ones, what diverged would press all others into one line. */
const WIDE = 100;
const SAMPLE = 1000;

/** The axis of an objective over the trials that charts of results show: log where most or the worst lie far apart. */
export function axisOfObjective(trials: TrialSet, objective: ObjectiveValues): Axis {
  const values = objective.values.filter((_, place) => trials.states[place] === 'COMPLETE' || trials.states[place] === 'PRUNED').filter(Number.isFinite);
  let [low, high] = [Infinity, 0];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const every = Math.ceil(values.length / SAMPLE);
  const sorted = values.filter((_, i) => i % every === 0).sort();
  const part = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
  const isWide = low > 0 && (part(0.95) / part(0.05) > WIDE || high / part(0.5) > WIDE);
  return axisFor(objective.metric, values, isWide ? 'log' : 'linear');
}

/** A parameter's values to place marks by: choices are spread a little, by trial number, so that marks lie side by side. */
export function spreadOf(param: ParamValues, numbers: Int32Array): Float64Array {
  if (param.kind === 'number') return param.values;
  const SPREAD = 0.56;
  return Float64Array.from(param.codes, (code, place) => (code < 0 ? NaN : code + SPREAD * (((numbers[place] ?? 0) * 0.618034) % 1) - SPREAD / 2));
}

/** Say in words how many trials charts leave out, each its own number; empty where they draw all. */
export function hiddenWords(nHidden: readonly number[]): string {
  const [least, most] = [Math.min(...nHidden), Math.max(...nHidden)];
  if (nHidden.length === 0 || most === 0) return '';
  const why = 'failed, or no finite value, or no such parameter';
  if (most === 1) return `1 ended trial is not drawn: ${why}.`;
  return `${least === most ? most : `By chart ${least} to ${most}`} ended trials are not drawn: ${why}.`;
}
