/** The numbers of chosen trials in the order of the table, worked out from columns as the server would. Pure. */
import type { TrialColumns } from '$api/columns';
import type { TrialOrder } from '$api/studies';

export interface Sorting {
  readonly order: TrialOrder;
  readonly isDescending: boolean;
}

/** Order the trials that `has` takes. By value the best come first unless descending; those without a value come last. */
export function orderedNumbers(columns: TrialColumns, has: (number: number) => boolean, { order, isDescending }: Sorting): number[] {
  const places = Array.from({ length: columns.n }, (_, i) => i).filter((i) => has(columns.numbers[i] ?? -1));
  const keys = keysOf(columns, order);
  const isFlipped = order === 'value' && columns.objectives[0]?.direction === 'maximize';
  const sign = isDescending !== isFlipped ? -1 : 1;
  return places.sort((a, b) => compare(keys[a] ?? NaN, keys[b] ?? NaN, sign) || a - b).map((i) => columns.numbers[i] ?? -1);
}

function compare(a: number, b: number, sign: 1 | -1): number {
  const [isA, isB] = [Number.isFinite(a), Number.isFinite(b)];
  return isA && isB ? sign * (a - b) : Number(isB) - Number(isA);
}

function keysOf(columns: TrialColumns, order: TrialOrder): ArrayLike<number> {
  if (order === 'value') return columns.objectives[0]?.values ?? [];
  if (order === 'started_at') return columns.startedAt_s;
  return order === 'duration' ? columns.durations_s : columns.numbers;
}
