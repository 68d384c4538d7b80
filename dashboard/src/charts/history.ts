/** Optimisation history: a dot for every finished trial, and a line through the best value so far. Pure. */
import { formatNumber } from '$lib/format';
import type { ChartColours } from './palette';
import type { Line, Picture, Y } from './picture';
import type { Spots } from './spots';

export type Direction = 'minimize' | 'maximize';

export interface HistoryPoint {
  readonly number: number;
  readonly state: string;
  /** The objective; null while there is none. */
  readonly value: number | null;
}

export interface HistoryOptions {
  readonly metric: string;
  readonly direction: Direction;
  readonly colours: ChartColours;
  /** What simple models reach, drawn as level lines. */
  readonly baselines?: readonly Baseline[];
  /** How many trials have completed with a value, where the points are a part of them. */
  readonly nComplete?: number;
}

export interface Baseline {
  /** Such as `logistic regression (test_accuracy)`. */
  readonly label: string;
  readonly value: number;
}

export const COMPLETE_LINE = 1;
export const PRUNED_LINE = 2;
export const BEST_LINE = 3;
/** The first baseline's; the others follow. */
export const BASELINE_LINE = 4;

/** For each trial in order of number: the best value of a completed trial up to there; null before the first one. */
export function bestSoFar(points: readonly HistoryPoint[], direction: Direction): (number | null)[] {
  let best: number | null = null;
  return points.map(({ state, value }) => {
    if (state === 'COMPLETE' && value !== null && Number.isFinite(value)) {
      if (best === null || (direction === 'maximize' ? value > best : value < best)) best = value;
    }
    return best;
  });
}

/** Draw the history of a study; `points` may come in any order. */
export function drawHistory(points: readonly HistoryPoint[], options: HistoryOptions): Picture {
  const sorted = [...points].sort((a, b) => a.number - b.number);
  const best = bestSoFar(sorted, options.direction);
  const ofState = (state: string): Y[] =>
    sorted.map((point) => (point.state === state && Number.isFinite(point.value) ? point.value : undefined));
  const { colours } = options;
  const dots = { mark: 'dots', width: 1 } as const;
  const lines: Line[] = [
    { ...dots, key: PRUNED_LINE, label: 'pruned', values: ofState('PRUNED'), colour: colours.quiet },
    { ...dots, key: COMPLETE_LINE, label: 'complete', values: ofState('COMPLETE'), colour: colours.lines[0] ?? colours.best },
    { key: BEST_LINE, label: 'best so far', values: best, mark: 'step', width: 2, colour: colours.lines[1] ?? colours.best },
    ...(options.baselines ?? []).map(({ label, value }, i): Line => {
      return { key: BASELINE_LINE + i, label, values: sorted.map(() => value), mark: 'line', width: 1.5, colour: colours.text, dash: [8, 4] };
    }),
  ];
  const nComplete = options.nComplete ?? sorted.filter(({ state, value }) => state === 'COMPLETE' && Number.isFinite(value)).length;
  const summary = summarise(best.at(-1) ?? null, nComplete, options);
  return { xs: sorted.map((point) => point.number), lines, xLabel: 'trial', yLabel: options.metric, summary };
}

/** Where the chosen trials lie, to be drawn again above the others: a picture of all is not made anew for each choice. */
export function chosenSpots(points: readonly HistoryPoint[], chosen: ReadonlySet<number> | null): Spots {
  const shown = chosen === null ? [] : points.filter(({ number, state, value }) => chosen.has(number) && isDrawn(state) && Number.isFinite(value));
  return { xs: Float64Array.from(shown, ({ number }) => number), ys: Float64Array.from(shown, ({ value }) => value ?? NaN) };
}

const isDrawn = (state: string): boolean => state === 'COMPLETE' || state === 'PRUNED';

function summarise(best: number | null, nComplete: number, { metric, direction }: HistoryOptions): string {
  if (best === null) return 'No trial has completed yet.';
  const trials = nComplete === 1 ? '1 completed trial' : `${nComplete} completed trials`;
  return `${trials}; the best ${metric} so far is ${formatNumber(best)} (${direction}).`;
}
