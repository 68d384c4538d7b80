/** Trials grouped by a parameter: how many, mean and spread of an objective, and the best. Pure. */
import type { ParamColumn, TrialColumns } from '$api/columns';
import { formatNumber } from '$lib/format';

export interface Group {
  readonly label: string;
  /** Trials of the group that are finished and count, in order of their numbers. */
  readonly numbers: readonly number[];
  readonly mean: number;
  /** Of the sample; NaN for a single trial. */
  readonly std: number;
  readonly best: number;
}

/** Numbers with more values than this are put into ranges. */
const MAX_VALUES = 12;
const N_RANGES = 6;

/**
 * Group complete, feasible trials with a finite value by a parameter; the order is that of its values, inactive ones last.
 *
 * @param has Whether a trial, by its number, takes part.
 */
export function groupBy(columns: TrialColumns, param: ParamColumn, objective: number, has: (number: number) => boolean): Group[] {
  const { values, direction } = columns.objectives[objective] ?? { values: new Float64Array(0), direction: 'minimize' as const };
  const places = Array.from({ length: columns.n }, (_, i) => i).filter(
    (i) => columns.states[i] === 'COMPLETE' && columns.isFeasible[i] === 1 && Number.isFinite(values[i]) && has(columns.numbers[i] ?? -1),
  );
  const { labels, of } = binsOf(param, places);
  const members: number[][] = [...labels, 'inactive'].map(() => []);
  for (const i of places) members[of(i)]?.push(i);
  return members.flatMap((group, k) => (group.length > 0 ? [sumUp(labels[k] ?? 'inactive', group, { columns, values, direction })] : []));
}

interface Source {
  readonly columns: TrialColumns;
  readonly values: Float64Array;
  readonly direction: 'minimize' | 'maximize';
}

function sumUp(label: string, places: readonly number[], { columns, values, direction }: Source): Group {
  const own = places.map((i) => values[i] ?? NaN);
  const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
  const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    label,
    numbers: places.map((i) => columns.numbers[i] ?? -1),
    mean,
    std: own.length > 1 ? Math.sqrt(squares / (own.length - 1)) : NaN,
    best: own.reduce((a, b) => ((direction === 'minimize' ? b < a : b > a) ? b : a)),
  };
}

interface Bins {
  readonly labels: readonly string[];
  /** Place of a trial's label; that behind the last for those without a value. */
  readonly of: (place: number) => number;
}

function binsOf(param: ParamColumn, places: readonly number[]): Bins {
  if (param.kind === 'category') {
    return { labels: param.choices, of: (i) => ((param.codes[i] ?? -1) < 0 ? param.choices.length : (param.codes[i] ?? 0)) };
  }
  const finite = places.map((i) => param.values[i] ?? NaN).filter(Number.isFinite);
  const distinct = [...new Set(finite)].sort((a, b) => a - b);
  if (distinct.length <= MAX_VALUES) return exactBins(param.values, distinct);
  return rangeBins(param.values, distinct[0] ?? 0, distinct.at(-1) ?? 1, param.isLog && (distinct[0] ?? 0) > 0);
}

function exactBins(values: Float64Array, distinct: readonly number[]): Bins {
  const places = new Map(distinct.map((value, k) => [value, k]));
  return { labels: distinct.map(formatNumber), of: (i) => places.get(values[i] ?? NaN) ?? distinct.length };
}

function rangeBins(values: Float64Array, low: number, high: number, isLog: boolean): Bins {
  const [to, from] = isLog ? [Math.log, Math.exp] : [(x: number) => x, (x: number) => x];
  const edge = (k: number): string => formatNumber(Number(from(to(low) + (k / N_RANGES) * (to(high) - to(low))).toPrecision(3)));
  const labels = Array.from({ length: N_RANGES }, (_, k) => `${edge(k)} to ${edge(k + 1)}`);
  const of = (i: number): number => {
    const share = (to(values[i] ?? NaN) - to(low)) / (to(high) - to(low));
    return Number.isFinite(share) ? Math.min(N_RANGES - 1, Math.floor(share * N_RANGES)) : N_RANGES;
  };
  return { labels, of };
}
