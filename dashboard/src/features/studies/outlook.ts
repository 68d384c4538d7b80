/** What a study that was looked over comes to, in a sentence. Pure. */
import { formatCount, formatDuration } from '$lib/format';

interface Outlook {
  readonly problems: readonly unknown[];
  readonly n_grid_cells: number | null;
  readonly n_trials: number | null;
  readonly n_networks: number | null;
  readonly estimate: { readonly duration_s: number } | null;
}

/** Say how many things are wrong, or how many trials it will be and how long they may take. */
export function outlookOf({ problems, n_grid_cells, n_trials, n_networks, estimate }: Outlook): string {
  if (problems.length > 0) return problems.length === 1 ? 'One thing is wrong.' : `${problems.length} things are wrong.`;
  const grid = n_grid_cells === null ? '' : `A grid of ${formatCount(n_grid_cells)}. `;
  const trials = n_trials === null ? 'Trials until it is stopped' : n_trials === 1 ? '1 trial' : `${formatCount(n_trials)} trials`;
  const networks = n_networks !== null && n_networks > 1 ? ` of ${formatCount(n_networks)} networks each` : '';
  const time = estimate ? `, about ${formatDuration(estimate.duration_s)}` : n_trials === null ? '' : '; no similar trial has finished, so the time is not known';
  return `${grid}${trials}${networks}${time}.`;
}
