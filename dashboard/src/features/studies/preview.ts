/** A change of a study that was looked over, in words. Pure. */
import { formatCount, formatParam } from '$lib/format';
import { shapeWords } from '$lib/space';

interface Change {
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly held?: unknown;
  readonly n_outside?: number | null;
}

interface Checked {
  readonly changes: readonly unknown[];
  readonly n_finished: number;
  readonly n_fitting?: number | null;
  readonly n_replaced: number;
  readonly is_reopened: boolean;
}

const isParameter = ({ field }: Change): boolean => field.startsWith('search_space.');

export const settingName = ({ field }: Change): string => field.replace(/^(search_space|budget)\./, '');

/** Say what a setting is, or would be. */
export function valueWords(change: Change, value: unknown): string {
  if (isParameter(change)) return shapeWords(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(String).join('; ');
  return value === null || value === undefined ? 'no limit' : formatParam(value);
}

/** Say what a change means for trials from before; empty where it means nothing. */
export function noteOf(change: Change): string {
  const { after, held, n_outside: nOutside } = change;
  if (held !== null && held !== undefined) {
    return after === null || after === undefined ? `${formatParam(held)} from now on` : `so far it was ${formatParam(held)}`;
  }
  return nOutside ? `${trials(nOutside)} so far ${nOutside === 1 ? 'lies' : 'lie'} outside` : '';
}

/** Say in sentences what a change comes to. */
export function summaryOf({ changes, n_finished, n_fitting, n_replaced, is_reopened }: Checked): readonly string[] {
  if (changes.length === 0) return ['The study is like this already.'];
  const fit = n_finished === 0 ? 'No trial has finished yet' : `${formatCount(n_fitting ?? 0)} of ${trials(n_finished)} that finished still ${n_fitting === 1 ? 'fits' : 'fit'}`;
  const replaced = n_replaced === 0 ? [] : [`${trials(n_replaced)} that ${n_replaced === 1 ? 'waits gets' : 'wait get'} other parameters.`];
  return [`${fit}.`, ...replaced, ...(is_reopened ? ['The study has ended, and goes on.'] : [])];
}

const trials = (n: number): string => (n === 1 ? '1 trial' : `${formatCount(n)} trials`);
