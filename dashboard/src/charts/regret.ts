/** The study beside random search: best value so far over finished trials, with a band for random search. Pure. */
import { formatNumber } from '$lib/format';
import type { ChartColours } from './palette';
import type { Band, Line, Picture } from './picture';

export interface RegretBand {
  readonly mean: readonly number[];
  readonly low?: readonly number[] | null;
  readonly high?: readonly number[] | null;
}

export interface RegretCurves {
  readonly n_finished: readonly number[];
  readonly study: readonly number[];
  readonly random?: RegretBand | null;
  readonly shuffled?: RegretBand | null;
}

export interface RegretOptions {
  readonly yLabel: string;
  readonly colours: ChartColours;
}

export const STUDY_LINE = 1;
export const RANDOM_LINE = 2;
export const LOW_LINE = 3;
export const HIGH_LINE = 4;
export const SHUFFLED_LINE = 5;

/** The first twentieth of the trials is left out: what single random trials come to would flatten all that follows. */
const SKIPPED = 1 / 20;

/** Draw a study beside random search. */
export function drawRegret(whole: RegretCurves, { yLabel, colours }: RegretOptions): Picture {
  const curves = withoutStart(whole);
  const [own = colours.best, other = colours.best] = [colours.lines[0], colours.lines[1]];
  const lines: Line[] = [];
  const add = (key: number, label: string, values: readonly number[] | null | undefined, look: Pick<Line, 'colour' | 'width' | 'dash' | 'mark'>): void => {
    if (values) lines.push({ key, label, values, ...look });
  };
  const edge = { colour: colours.quiet, width: 1, mark: 'line' } as const;
  add(LOW_LINE, 'random search, nine of ten are better', curves.random?.low, edge);
  add(HIGH_LINE, 'random search, one of ten is better', curves.random?.high, edge);
  add(SHUFFLED_LINE, 'the same trials shuffled', curves.shuffled?.mean, { colour: colours.quiet, width: 1.5, dash: [2, 4], mark: 'line' });
  add(RANDOM_LINE, 'random search, expected', curves.random?.mean, { colour: other, width: 2, dash: [6, 4], mark: 'line' });
  add(STUDY_LINE, 'this study', curves.study, { colour: own, width: 2.5, mark: 'step' });
  const bands = bandOf(lines, curves.random, colours);
  return { xs: curves.n_finished, lines, bands, xLabel: 'finished trials', yLabel, summary: summarise(curves, yLabel) };
}

function withoutStart({ n_finished, study, random, shuffled }: RegretCurves): RegretCurves {
  const start = n_finished.findIndex((n) => n >= SKIPPED * (n_finished.at(-1) ?? 0));
  const cut = (values: readonly number[]): readonly number[] => values.slice(Math.max(start, 0));
  const cutBand = (band: RegretBand | null | undefined): RegretBand | null =>
    band ? { mean: cut(band.mean), low: band.low ? cut(band.low) : null, high: band.high ? cut(band.high) : null } : null;
  return { n_finished: cut(n_finished), study: cut(study), random: cutBand(random), shuffled: cutBand(shuffled) };
}

/** The band of random search; where less is better, its good edge is the lower one. */
function bandOf(lines: readonly Line[], random: RegretBand | null | undefined, colours: ChartColours): Band[] {
  const place = (key: number): number => lines.findIndex((line) => line.key === key);
  if (!random?.low || !random.high) return [];
  const isUp = Number(random.high[0]) >= Number(random.low[0]);
  const [upper, lower] = isUp ? [HIGH_LINE, LOW_LINE] : [LOW_LINE, HIGH_LINE];
  return [{ upper: place(upper), lower: place(lower), colour: colours.faded }];
}

function summarise({ n_finished, study, random }: RegretCurves, yLabel: string): string {
  const [n, own, expected] = [n_finished.at(-1), study.at(-1), random?.mean.at(-1)];
  if (n === undefined || own === undefined) return 'No trial has finished yet.';
  const beside = expected === undefined ? '' : `; random search is expected at ${formatNumber(expected)}`;
  return `After ${n} finished trials the study is at ${formatNumber(own)} (${yLabel})${beside}.`;
}

/** Say what the search was worth; null where there is nothing to say. */
export function worthOf(nTrials: number, nRandom: number | null | undefined, isMore: boolean): string | null {
  if (nRandom === null || nRandom === undefined) return null;
  const start = isMore ? 'More than' : 'About';
  if (!isMore && nRandom <= nTrials) {
    return `${start} ${nRandom} random trials do as well half of the time, and the study took ${nTrials}: here the sampler has gained nothing over random search.`;
  }
  const times = nRandom / Math.max(nTrials, 1);
  const factor = times >= 1.5 ? `, ${times >= 10 ? times.toFixed(0) : times.toFixed(1)} times as many as the study took` : '';
  return `${start} ${nRandom} random trials do as well half of the time${factor}.`;
}
