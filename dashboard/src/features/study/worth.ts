/** Networks beside baselines, by the test metric that belongs to the objective: "is a network worth it here?" Pure. */
import { isObject, readCounts } from '$api/counts';
import { readNumber } from '$api/numbers';
import type { Evaluation } from '$api/types';
import { formatCount, formatNumber } from '$lib/format';
import { wordsOf } from '$lib/metrics';

export interface Objective {
  readonly metric: string;
  readonly direction: 'minimize' | 'maximize';
}

export interface Contender {
  readonly key: string;
  readonly kind: 'network' | 'ensemble' | 'baseline';
  readonly label: string;
  /** Number of the trial whose network it is; null for all else. */
  readonly number: number | null;
  /** Metrics on the test part by name. */
  readonly metrics: ReadonlyMap<string, number>;
  /** Seconds it took to learn; null where nobody measured. */
  readonly fitS: number | null;
}

export interface Comparison {
  /** The best first. */
  readonly rows: readonly Contender[];
  /** Metrics on the test part; the one that orders the rows first. */
  readonly metrics: readonly string[];
  /** The metric that orders the rows; null where no row has one that belongs to the objective. */
  readonly ordering: string | null;
  readonly nTest: number | null;
  readonly confusion: readonly (readonly number[])[] | null;
}

type Json = Readonly<Record<string, unknown>>;

/** Line up what finished evaluations measured. `evaluations`: newest first; an older result of the same network is left out. */
export function compare(evaluations: readonly Evaluation[], objective: Objective): Comparison {
  const done = evaluations.flatMap((one) => (one.state === 'COMPLETE' && one.result ? [{ ...one, result: one.result as Json }] : []));
  const byKey = new Map<string, Contender>();
  for (const one of done.flatMap(contendersOf)) if (!byKey.has(one.key)) byKey.set(one.key, one);
  const names = [...new Set([...byKey.values()].flatMap((row) => [...row.metrics.keys()]))];
  const wanted = `test_${objective.metric.replace(/^(train|val)_/, '')}`;
  const ordering = names.includes(wanted) ? wanted : null;
  const nTest = done.map(({ result }) => result.n_test).find((n) => typeof n === 'number');
  return {
    rows: inOrder([...byKey.values()], ordering, objective.direction),
    metrics: [...(ordering ? [ordering] : []), ...names.filter((name) => name !== ordering)],
    ordering,
    nTest: typeof nTest === 'number' ? nTest : null,
    confusion: done.map(({ result }) => readCounts(result.confusion_matrix)).find((counts) => counts !== null) ?? null,
  };
}

function contendersOf({ result, n_members }: { readonly result: Json; readonly n_members: number | null }): Contender[] {
  const networks = listOf(result.networks).map((one) => {
    const number = typeof one.number === 'number' ? one.number : null;
    return contender('network', `trial-${String(one.trial_id)}`, number === null ? 'Network' : `Trial ${number}`, one, number);
  });
  const baselines = listOf(result.baselines).map((one) => contender('baseline', String(one.name), wordsOf(String(one.name)), one));
  if (!isObject(result.ensemble)) return [...networks, ...baselines];
  const size = n_members ?? networks.length;
  return [contender('ensemble', `ensemble-${size}`, `Ensemble of ${size}`, result.ensemble), ...networks, ...baselines];
}

function contender(kind: Contender['kind'], key: string, label: string, read: Json, number: number | null = null): Contender {
  const metrics = Object.entries(read).filter(([name]) => name.startsWith('test_'));
  return {
    kind,
    key: `${kind}-${key}`,
    label,
    number,
    metrics: new Map(metrics.map(([name, value]) => [name, readNumber(value)])),
    fitS: typeof read.fit_s === 'number' ? read.fit_s : null,
  };
}

const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly unknown[]).filter(isObject) : []);

function inOrder(rows: readonly Contender[], ordering: string | null, direction: Objective['direction']): readonly Contender[] {
  if (ordering === null) return rows;
  // What was not measured, or is not a number, comes last whichever way is better.
  const worst = direction === 'maximize' ? -Infinity : Infinity;
  const valueOf = (row: Contender): number => {
    const value = row.metrics.get(ordering);
    return value === undefined || Number.isNaN(value) ? worst : value;
  };
  const sign = direction === 'maximize' ? -1 : 1;
  return [...rows].sort((a, b) => (valueOf(a) === valueOf(b) ? 0 : sign * (valueOf(a) - valueOf(b))));
}

/** Answer the question in a sentence; null while a network or a baseline is missing. */
export function verdictOf({ rows, ordering, nTest }: Comparison): string | null {
  const ahead = rows[0];
  const behind = rows.find(({ kind }) => (kind === 'baseline') !== (ahead?.kind === 'baseline'));
  const [more, less] = [ahead, behind].map((row) => row?.metrics.get(ordering ?? ''));
  if (!ahead || !behind || more === undefined || less === undefined) return null;
  const examples = nTest === null ? '' : ` on ${formatCount(nTest)} test examples`;
  if (more === less) return `No difference: ${ahead.label} and ${behind.label} both reach ${formatNumber(more)}${examples}.`;
  const figures = `${ahead.label} reaches ${formatNumber(more)} against ${formatNumber(less)} of ${behind.label}${examples}`;
  const chance = chanceOf(more, less, ordering === SHARE ? nTest : null);
  if (Math.abs(more - less) < chance) {
    return `Too close to call: ${figures}, and chance alone moves such a difference by ${formatNumber(Number(chance.toPrecision(1)))}.`;
  }
  return `${ahead.kind === 'baseline' ? 'The baseline' : 'The network'} is ahead: ${figures}.`;
}

/** The one metric that is a share of examples, so that how far chance moves it can be told from their number. */
const SHARE = 'test_accuracy';

/** Two standard errors of the difference of two shares, each of `n` examples; 0 where they are none. */
const chanceOf = (a: number, b: number, n: number | null): number =>
  n === null ? 0 : 2 * Math.sqrt((a * (1 - a) + b * (1 - b)) / n);
