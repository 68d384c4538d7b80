/** How a study's winner was confirmed, in words. Takes the fields it needs, so that it stands below the API. Pure. */
import { formatNumber } from './format';

interface Progress {
  readonly state: 'running' | 'complete' | 'cut_short';
  readonly n_done: number;
  readonly n_total: number;
}

/** Say a mean with its standard error, where there is one. */
export function meanWords(mean: number, standardError: number | null): string {
  return standardError === null ? formatNumber(mean) : `${formatNumber(mean)} ± ${standardError.toPrecision(2)}`;
}

/** Say how far the runs are that train the best trials again. */
export function confirmationWords({ state, n_done, n_total }: Progress): string {
  if (state === 'running') return `Training the best trials again: ${n_done} of ${n_total} runs done.`;
  if (state === 'complete') return `Confirmed by ${n_done} further runs.`;
  return `Stopped after ${n_done} of ${n_total} further runs.`;
}
