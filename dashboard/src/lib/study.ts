/** Small facts about studies that several views show. Takes the fields it needs, so that it stands below the API. */
interface Counts {
  readonly WAITING: number;
  readonly RUNNING: number;
  readonly COMPLETE: number;
  readonly PRUNED: number;
  readonly FAIL: number;
}

export const countFinished = (counts: Counts): number => counts.COMPLETE + counts.PRUNED + counts.FAIL;

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
