/** EDF: for each value of the objective, the share of complete trials that are at or below it; several studies. Pure. */
import { formatNumber } from '$lib/format';
import type { ChartColours } from './palette';
import type { Line, Picture, Y } from './picture';

export interface Distribution {
  readonly name: string;
  /** Ascending. */
  readonly values: readonly number[];
  /** Of all complete trials, above 0 and at most 1. */
  readonly shares: readonly number[];
}

export interface EdfOptions {
  readonly metric: string;
  readonly colours: ChartColours;
}

/** Besides colour, so that lines are told apart without it. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** Draw the distributions of studies over one axis; the first is the study itself. */
export function drawEdf(studies: readonly Distribution[], { metric, colours }: EdfOptions): Picture {
  const xs = [...new Set(studies.flatMap(({ values }) => values))].sort((a, b) => a - b);
  const last = xs.at(-1);
  const lines = studies.map(({ name, values, shares }, place): Line => {
    const known = new Map<number, Y>(values.map((value, i) => [value, shares[i]]));
    // Beyond its greatest value all of a study's trials are below.
    if (last !== undefined && values.length > 0 && !known.has(last)) known.set(last, 1);
    return {
      key: place,
      label: name,
      values: xs.map((x) => known.get(x)),
      mark: 'step',
      colour: colours.lines[place % colours.lines.length] ?? colours.best,
      width: place === 0 ? 2.5 : 2,
      dash: DASHES[place % DASHES.length] ?? [],
    };
  });
  return { xs, lines, isXContinuous: true, xLabel: metric, yLabel: 'share of trials', summary: summarise(studies, metric) };
}

function summarise(studies: readonly Distribution[], metric: string): string {
  const medians = studies.flatMap(({ name, values, shares }) => {
    const median = values[shares.findIndex((share) => share >= 0.5)];
    return median === undefined ? [] : [`${name} ${formatNumber(median)}`];
  });
  return medians.length === 0 ? 'No trial has completed yet.' : `Half of the complete trials have ${metric} at or below: ${medians.join(', ')}.`;
}
