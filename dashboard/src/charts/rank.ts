/** Rank: two parameters against each other, coloured by how a trial ranks among all. Pure. */
import { axisOfParam } from './canvas/axis';
import type { ScatterPicture } from './canvas/picture';
import { markTrials, placesWhere, spreadOf, type Theme } from './marks';
import { isResult, type ObjectiveValues, type ParamValues, type TrialSet } from './trials';

export interface RankOptions {
  readonly objective: ObjectiveValues;
  readonly x: ParamValues;
  readonly y: ParamValues;
  readonly theme: Theme;
  /** What `ranksOf` answers, worked out once for all pairs. */
  readonly ranks: Float64Array;
}

/** From 0 (the worst result) to 1 (the best) for each trial; equal values share the mean of their ranks; NaN: no result. */
export function ranksOf(trials: TrialSet, objective: ObjectiveValues): Float64Array {
  const sign = objective.direction === 'maximize' ? 1 : -1;
  const valueOf = (place: number): number => sign * (objective.values[place] ?? NaN);
  const order = placesWhere(trials.n, (place) => isResult(trials, objective, place)).sort((a, b) => valueOf(a) - valueOf(b));
  const ranks = new Float64Array(trials.n).fill(NaN);
  const most = Math.max(order.length - 1, 1);
  let start = 0;
  while (start < order.length) {
    let end = start;
    while (end + 1 < order.length && valueOf(order[end + 1] ?? 0) === valueOf(order[start] ?? 0)) end += 1;
    for (let i = start; i <= end; i += 1) ranks[order[i] ?? 0] = order.length === 1 ? 1 : (start + end) / 2 / most;
    start = end + 1;
  }
  return ranks;
}

/** Draw one pair of parameters. */
export function drawRank(trials: TrialSet, { objective, x, y, theme, ranks }: RankOptions): ScatterPicture {
  const shade = (place: number): number => ranks[place] ?? 0;
  const marks = markTrials(trials, spreadOf(x, trials.numbers), spreadOf(y, trials.numbers), { objective, theme, shade });
  const n = marks.keys.length;
  const summary = `${y.name} against ${x.name}, ${n} ${n === 1 ? 'trial' : 'trials'} coloured by the rank of ${objective.metric}.`;
  return { ...marks, x: axisOfParam(x), y: axisOfParam(y), summary };
}
