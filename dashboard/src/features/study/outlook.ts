/** How a study will go on: when its trials will be done at the present pace, and how likely the best is to change. Pure. */
import type { TrialColumns } from '$api/columns';
import { hasEnded } from '$lib/study';

export interface Outlook {
  /** Trials of the budget that have not ended. */
  readonly nLeft: number;
  /** Seconds until they have, at the pace of the latest trials; null where no pace can be told. */
  readonly left_s: number | null;
  /** That one of them beats the best so far, if they were like those so far; null before the first has ended. */
  readonly chance: number | null;
}

/** Trials whose ends tell the pace. */
const N_RECENT = 20;

type Times = Pick<TrialColumns, 'states' | 'startedAt_s' | 'durations_s'>;

/**
 * Look ahead.
 *
 * Of n + m exchangeable trials each is as likely as any other to be the best: one of the m to come is with m / (n + m).
 * Source: Renyi, "On the extreme elements of observations", 1962. A sampler that learns does better, one at the end of
 * what can be reached does worse.
 *
 * @param nTotal The budget's trials; null where it has no end.
 */
export function lookAhead(columns: Times, nTotal: number | null, now_s: number): Outlook | null {
  const isOver = columns.states.map(hasEnded);
  const nOver = isOver.filter(Boolean).length;
  const nLeft = (nTotal ?? 0) - nOver;
  if (nTotal === null || nLeft <= 0) return null;
  const ends = columns.states.flatMap((_, i) => (isOver[i] ? [(columns.startedAt_s[i] ?? NaN) + (columns.durations_s[i] ?? NaN)] : []));
  const recent = ends.filter(Number.isFinite).sort((a, b) => b - a).slice(0, N_RECENT);
  const first = recent.at(-1);
  const pace = first === undefined || recent.length < 2 ? NaN : (now_s - first) / (recent.length - 1);
  return { nLeft, left_s: pace > 0 ? pace * nLeft : null, chance: nOver > 0 ? nLeft / (nOver + nLeft) : null };
}

/** Say it in a sentence. */
export function tellOutlook({ nLeft, left_s, chance }: Outlook, tellDuration: (seconds: number) => string): string {
  const trials = nLeft === 1 ? '1 trial is left' : `${nLeft} trials are left`;
  const time = left_s === null ? '' : `, about ${tellDuration(left_s)} at the present pace`;
  const best = chance === null ? '' : ` Were they like those so far, one would beat the best with ${Math.round(100 * chance)} %.`;
  return `${trials}${time}.${best}`;
}
