/** Small facts about studies that several views show. Takes the fields it needs, so that it stands below the API. */
interface Counts {
  readonly WAITING: number;
  readonly RUNNING: number;
  readonly COMPLETE: number;
  readonly PRUNED: number;
  readonly FAIL: number;
}

const ENDED = new Set(['COMPLETE', 'PRUNED', 'FAIL']);

/** Whether a trial in this state, or phase, will not go on. */
export const hasEnded = (state: string | undefined): boolean => state !== undefined && ENDED.has(state);

export const countFinished = (counts: Counts): number => counts.COMPLETE + counts.PRUNED + counts.FAIL;

/** Count trials by what they are in, e.g. `['paused', 3]`; those that were paused do not count as waiting. Nothing is left out but zeros. */
export function phasesOf(counts: Counts, nPaused: number | null): readonly (readonly [string, number])[] {
  const { WAITING, ...others } = counts;
  const paused = nPaused ?? 0;
  const all = { waiting: WAITING - paused, paused, ...lowered(others) };
  return Object.entries(all).filter(([, n]) => n > 0);
}

const lowered = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).map(([state, n]) => [state.toLowerCase(), n]));

interface Pruned {
  readonly spec: { readonly pruner?: Readonly<Record<string, unknown>> };
}

/** Whether a study's pruner forecasts curves, alone or inside of another one. */
export function isForecasting({ spec: { pruner } }: Pruned): boolean {
  return pruner?.name === 'extrapolation' || pruner?.wrapped === 'extrapolation';
}

/** Sum up a study in one spoken sentence, for the live region. */
export function sayState(name: string, state: string): string {
  return `Study ${name} is now ${state.toLowerCase()}.`;
}
