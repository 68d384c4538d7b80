/** The objective that charts are about: the one that the address names, or the first. Pure. */
import type { ObjectiveColumn, TrialColumns } from '$api/columns';
import { INFEASIBLE_LOOK, PRUNED_LOOK } from '$charts/marks';

export function objectiveNamed(columns: TrialColumns, metric: string | null): ObjectiveColumn | null {
  return columns.objectives.find((one) => one.metric === metric) ?? columns.objectives[0] ?? null;
}

/** Which signs of a legend some pictures need. */
export function signsIn(pictures: readonly { readonly styles: Uint8Array; readonly nHidden: number }[]): { hasPruned: boolean; hasInfeasible: boolean; nHidden: number[] } {
  const has = (look: number): boolean => pictures.some(({ styles }) => styles.includes(look));
  return { hasPruned: has(PRUNED_LOOK), hasInfeasible: has(INFEASIBLE_LOOK), nHidden: pictures.map(({ nHidden }) => nHidden) };
}
