/** A study's history as a chart shows it: what there is to see of all its trials, long before all of them are here. */
import { client, unwrap } from './client';

export interface TrialHistory {
  readonly metric: string;
  /** Completed trials with a finite value, shown or not. */
  readonly nComplete: number;
  readonly nFailed: number;
  /** By number; of many trials those that lie apart on the chart. */
  readonly points: readonly { readonly number: number; readonly state: 'COMPLETE' | 'PRUNED'; readonly value: number }[];
}

/** Into how many columns and rows the chart is cut: dots are six pixels wide, so that nobody sees two in one place. */
const N_COLUMNS = 160;
const N_ROWS = 80;

/** Read the history of one objective; null: of the first. */
export async function getHistory(study: string | number, metric: string | null): Promise<TrialHistory> {
  const query = { n_columns: N_COLUMNS, n_rows: N_ROWS, ...(metric === null ? {} : { metric }) };
  const read = await unwrap(client.GET('/api/v1/studies/{study}/history', { params: { path: { study: String(study) }, query } }));
  const points = read.numbers.map((number, i) => ({ number, state: read.is_pruned[i] ? ('PRUNED' as const) : ('COMPLETE' as const), value: read.values[i] ?? NaN }));
  return { metric: read.metric, nComplete: read.n_complete, nFailed: read.n_failed, points };
}
