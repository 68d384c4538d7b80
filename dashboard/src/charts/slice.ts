/** Slice: the objective against one parameter, coloured by when a trial was proposed. Pure. */
import { formatNumber } from '$lib/format';
import { axisOfParam } from './canvas/axis';
import type { ScatterPicture } from './canvas/picture';
import { axisOfObjective, markTrials, spreadOf, type Theme } from './marks';
import { bestPlace, type ObjectiveValues, type ParamValues, type TrialSet } from './trials';

export interface SliceOptions {
  readonly objective: ObjectiveValues;
  readonly param: ParamValues;
  readonly theme: Theme;
}

/** Draw the objective of every trial against one of its parameters. */
export function drawSlice(trials: TrialSet, { objective, param, theme }: SliceOptions): ScatterPicture {
  const last = Math.max(trials.numbers[trials.n - 1] ?? 0, 1);
  const shade = (place: number): number => (trials.numbers[place] ?? 0) / last;
  const marks = markTrials(trials, spreadOf(param, trials.numbers), objective.values, { objective, theme, shade });
  const summary = summarise(trials, objective, param, marks.keys.length);
  return { ...marks, x: axisOfParam(param), y: axisOfObjective(trials, objective), summary };
}

function summarise(trials: TrialSet, objective: ObjectiveValues, param: ParamValues, n: number): string {
  const what = `${objective.metric} against ${param.name}, ${n} ${n === 1 ? 'trial' : 'trials'}`;
  const best = bestPlace(trials, objective);
  const at = best < 0 ? null : valueWords(param, best);
  return at === null ? `${what}.` : `${what}; the best, trial ${trials.numbers[best]}, has ${at}.`;
}

/** A trial's value of a parameter in words; null where the parameter is inactive. */
export function valueWords(param: ParamValues, place: number): string | null {
  if (param.kind === 'category') return param.choices[param.codes[place] ?? -1] ?? null;
  const value = param.values[place] ?? NaN;
  return Number.isNaN(value) ? null : formatNumber(value);
}
