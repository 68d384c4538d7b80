/** Pareto front: two objectives against each other; trials that no other one beats in both stand out. Pure. */
import { hasEnded } from '$lib/study';
import { axisFor, type Axis } from './canvas/axis';
import { weightFor, type Look, type PathMark, type ScatterPicture } from './canvas/picture';
import { axisOfObjective, INKS, placesWhere, type Theme } from './marks';
import type { ObjectiveValues, TrialSet } from './trials';

export interface FrontOptions {
  readonly x: ObjectiveValues;
  readonly y: ObjectiveValues;
  /** Places that `frontOf` answers, in as many objectives as the study has. */
  readonly front: readonly number[];
  /** Where the dominated volume ends, by metric; only drawn with the line through the front. */
  readonly reference: Readonly<Record<string, number>> | null;
  /** Whether these two are all objectives, so that a line through the front means something. */
  readonly isWhole: boolean;
  readonly theme: Theme;
}

export const DOMINATED_LOOK = 0;
export const PRUNED_FRONT_LOOK = 1;
export const INFEASIBLE_FRONT_LOOK = 2;
export const FRONT_LOOK = 3;

/** Places of complete, feasible trials with a finite value of every objective that no other such trial beats in all. */
export function frontOf(trials: TrialSet, objectives: readonly ObjectiveValues[]): number[] {
  const signs = objectives.map(({ direction }) => (direction === 'maximize' ? -1 : 1));
  const cost = (place: number, k: number): number => (signs[k] ?? 1) * (objectives[k]?.values[place] ?? NaN);
  const able = placesWhere(trials.n, (place) => trials.states[place] === 'COMPLETE' && trials.isFeasible[place] === 1 && objectives.every(({ values }) => Number.isFinite(values[place])));
  const compare = (a: number, b: number): number => {
    const k = objectives.findIndex((_, i) => cost(a, i) !== cost(b, i));
    return k < 0 ? a - b : cost(a, k) - cost(b, k);
  };
  const isBeaten = (place: number, by: number): boolean => objectives.every((_, k) => cost(by, k) <= cost(place, k)) && objectives.some((_, k) => cost(by, k) < cost(place, k));
  // In this order nothing later beats anything earlier, so that comparing with the front so far is enough.
  const front: number[] = [];
  for (const place of able.sort(compare)) if (!front.some((one) => isBeaten(place, one))) front.push(place);
  return front.sort((a, b) => a - b);
}

/** Draw two of a study's objectives. */
export function drawFront(trials: TrialSet, { x, y, front, reference, isWhole, theme }: FrontOptions): ScatterPicture {
  const marks = markFront(trials, x.values, y.values, front, theme);
  const point = isWhole && reference ? { x: reference[x.metric] ?? NaN, y: reference[y.metric] ?? NaN } : null;
  const axes = { x: reaching(axisOfObjective(trials, x), point?.x), y: reaching(axisOfObjective(trials, y), point?.y) };
  const paths = isWhole ? stairs(front, { x, y }, point, theme) : [];
  const summary = `${y.metric} (${y.direction}) against ${x.metric} (${x.direction}): ${marks.keys.length} trials, ${front.length} of them on the front.`;
  return { ...marks, ...axes, paths, summary };
}

/** Marks of trials with a place on both axes: dominated ones faint, the front on top. */
export function markFront(trials: TrialSet, xs: Float64Array, ys: Float64Array, front: readonly number[], theme: Theme): Pick<ScatterPicture, 'keys' | 'xs' | 'ys' | 'styles' | 'looks' | 'nHidden'> {
  const ended = placesWhere(trials.n, (place) => hasEnded(trials.states[place]));
  const shown = ended.filter((place) => trials.states[place] !== 'FAIL' && Number.isFinite(xs[place]) && Number.isFinite(ys[place]));
  const onFront = new Set(front);
  const lookOf = (place: number): number => {
    if (onFront.has(place)) return FRONT_LOOK;
    if (trials.isFeasible[place] === 0) return INFEASIBLE_FRONT_LOOK;
    return trials.states[place] === 'PRUNED' ? PRUNED_FRONT_LOOK : DOMINATED_LOOK;
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
  return [
    { shape: 'dot', rgb: quiet, radius, alpha: 0.5 * alpha },
    { shape: 'ring', rgb: quiet, radius, alpha: 0.5 * alpha },
    { shape: 'cross', rgb: bad, radius, alpha },
    { shape: 'diamond', rgb: best, radius: Math.max(1.3 * radius, 4), alpha: 1 },
  ];
}

/** Lengthen an axis to where the reference point lies. */
function reaching(axis: Axis, at: number | undefined): Axis {
  if (at === undefined || !Number.isFinite(at) || (at >= axis.low && at <= axis.high)) return axis;
  if (axis.kind === 'log' && at <= 0) return axis;
  return axisFor(axis.label, [axis.low, axis.high, at], axis.kind === 'log' ? 'log' : 'linear');
}

/** The edge of what the front dominates: from trial to trial in steps, and dashed on to the reference point. */
function stairs(front: readonly number[], { x, y }: { x: ObjectiveValues; y: ObjectiveValues }, point: { x: number; y: number } | null, theme: Theme): PathMark[] {
  const sorted = [...front].sort((a, b) => (x.values[a] ?? 0) - (x.values[b] ?? 0));
  if (sorted.length === 0) return [];
  const [xs, ys]: [number[], number[]] = [[], []];
  sorted.forEach((place, i) => {
    const [left, top] = [x.values[place] ?? NaN, y.values[place] ?? NaN];
    const before = i === 0 ? undefined : { x: xs.at(-1) ?? NaN, y: ys.at(-1) ?? NaN };
    // The corner lies on the side of worse values: what is dominated ends there.
    if (before) {
      xs.push(x.direction === 'minimize' ? left : before.x);
      ys.push(x.direction === 'minimize' ? before.y : top);
    }
    xs.push(left);
    ys.push(top);
  });
  const line: PathMark = { xs, ys, rgb: INKS[theme].best, width: 1.5 };
  if (!point || !Number.isFinite(point.x + point.y)) return [line];
  const [start, end] = [{ x: xs[0] ?? NaN, y: ys[0] ?? NaN }, { x: xs.at(-1) ?? NaN, y: ys.at(-1) ?? NaN }];
  const [nearX, nearY] = x.direction === 'minimize' ? [start, end] : [end, start];
  const edge: PathMark = { xs: [nearX.x, nearX.x, point.x, point.x, nearY.x], ys: [nearX.y, point.y, point.y, nearY.y, nearY.y], rgb: INKS[theme].quiet, width: 1, dash: [4, 4] };
  return [edge, line];
}
