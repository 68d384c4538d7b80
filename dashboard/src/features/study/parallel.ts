/** From a study's columns to parallel coordinates, and what of them stands in the address. Pure. */
import type { TrialColumns } from '$api/columns';
import type { AxisInput, Brush } from '$charts/parallel';
import type { ParamValues, TrialSet } from '$charts/trials';

/** Marks the key of an objective's axis, so that no parameter is taken for it. */
const OBJECTIVE = '@';
/** Colours of values; one more bucket is for trials without one. */
export const N_COLOURS = 16;

/** Say which axes there are: parameters by name, then objectives. */
export function axesOf(columns: TrialSet): AxisInput[] {
  const objectives = columns.objectives.map(({ metric, values }) => ({ key: OBJECTIVE + metric, label: metric, values, choices: null, isLog: false }));
  return [...columns.params.map(axisOfParam), ...objectives];
}

function axisOfParam(param: ParamValues): AxisInput {
  const { name } = param;
  if (param.kind === 'number') return { key: name, label: name, values: param.values, choices: null, isLog: param.isLog };
  return { key: name, label: name, values: param.codes, choices: param.choices, isLog: false };
}

/** Put axes into the order asked for; those that it does not name come behind, as they stood. */
export function inOrder<T extends { readonly key: string }>(axes: readonly T[], asked: readonly string[]): T[] {
  const named = asked.flatMap((key) => axes.find((axis) => axis.key === key) ?? []);
  return [...new Set([...named, ...axes])];
}

export interface Paint {
  readonly buckets: Uint8Array;
  /** Ends of the scale of colours; null where no trial has a value. */
  readonly range: readonly [number, number] | null;
}

/**
 * Sort trials into colours by an objective. Only complete trials that keep every constraint have one; the last bucket is
 * for all others. A twentieth at either end has the end's colour, so that one outlier does not take them all.
 */
export function paintBy(columns: TrialSet, objective: number): Paint {
  const values = columns.objectives[objective]?.values ?? new Float64Array(columns.n);
  const counts = (i: number): boolean => columns.states[i] === 'COMPLETE' && columns.isFeasible[i] === 1 && Number.isFinite(values[i]);
  const sorted = values.filter((_, i) => counts(i)).sort();
  const range = rangeOf(sorted);
  const buckets = new Uint8Array(columns.n).fill(N_COLOURS);
  if (range === null) return { buckets, range };
  const [low, high] = range;
  for (let i = 0; i < columns.n; i += 1) {
    if (!counts(i)) continue;
    const share = high > low ? ((values[i] ?? 0) - low) / (high - low) : 0.5;
    buckets[i] = Math.round(Math.min(1, Math.max(0, share)) * (N_COLOURS - 1));
  }
  return { buckets, range };
}

function rangeOf(sorted: Float64Array): readonly [number, number] | null {
  const at = (share: number): number | undefined => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [at(0.05), at(0.95)];
  return low === undefined || high === undefined ? null : [low, high];
}

/** Write brushes for the address: `learning_rate:-3~-2;activation:0.5~1.5`, in coordinates of the axes; null without any. */
export function writeBrushes(brushes: readonly Brush[]): string | null {
  const text = brushes.map(({ key, low, high }) => `${encodeURIComponent(key)}:${round(low)}~${round(high)}`).join(';');
  return text || null;
}

const round = (value: number): string => String(Number(value.toPrecision(6)));

/** Read brushes from the address; what is none is left out. */
export function readBrushes(text: string | null): Brush[] {
  return (text ?? '').split(';').flatMap((part) => {
    const [, name = '', low = '', high = ''] = /^([^:]+):(-?[\d.e+-]+)~(-?[\d.e+-]+)$/.exec(part) ?? [];
    const brush = { key: decode(name), low: Number(low), high: Number(high) };
    return brush.key && low && high && brush.low <= brush.high ? [brush] : [];
  });
}

/** Write the order of axes for the address. */
export const writeOrder = (keys: readonly string[]): string => keys.map(encodeURIComponent).join(',');

/** Read an order of axes. */
export const readOrder = (text: string | null): string[] => (text ?? '').split(',').map(decode).filter(Boolean);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Trial numbers where a mask is 1. */
export const numbersIn = (columns: TrialColumns, mask: Uint8Array): number[] => [...columns.numbers.filter((_, i) => mask[i] === 1)];

/** A mask of the trials in a set; null for null. */
export function maskOf(columns: TrialColumns, chosen: ReadonlySet<number> | null): Uint8Array | null {
  if (chosen === null) return null;
  return Uint8Array.from(columns.numbers, (number) => (chosen.has(number) ? 1 : 0));
}
