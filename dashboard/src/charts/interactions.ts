/** Interactions as a matrix to draw: what each parameter explains alone on the diagonal, pairs beside it. Pure. */

export interface NamedShare {
  readonly name: string;
  readonly share: number;
  readonly spread: number;
}

export interface PairedShare {
  readonly first: string;
  readonly second: string;
  readonly share: number;
  readonly spread: number;
}

export interface InteractionCell {
  /** Of all differences, 0 to 1. */
  readonly share: number;
  readonly isAlone: boolean;
}

export interface InteractionMatrix {
  /** The parameters that take part in most, the greatest first. */
  readonly names: readonly string[];
  /** Row i has the cells of columns 0 to i: a pair stands once. */
  readonly rows: readonly (readonly InteractionCell[])[];
  /** Parameters left out. */
  readonly nHidden: number;
}

export const MAX_NAMES = 10;

/** Lay out a decomposition; at most `MAX_NAMES` parameters are shown. */
export function drawInteractions(shares: readonly NamedShare[], pairs: readonly PairedShare[]): InteractionMatrix {
  const alone = new Map(shares.map(({ name, share }) => [name, share]));
  const together = new Map(pairs.map(({ first, second, share }) => [keyOf(first, second), share]));
  const part = new Map(alone);
  for (const { first, second, share } of pairs) {
    part.set(first, (part.get(first) ?? 0) + share);
    part.set(second, (part.get(second) ?? 0) + share);
  }
  const ordered = [...part.keys()].sort((a, b) => (part.get(b) ?? 0) - (part.get(a) ?? 0) || (a < b ? -1 : 1));
  const names = ordered.slice(0, MAX_NAMES);
  const rows = names.map((name, row) =>
    names.slice(0, row + 1).map((other, column) => ({
      share: (row === column ? alone.get(name) : together.get(keyOf(name, other))) ?? 0,
      isAlone: row === column,
    })),
  );
  return { names, rows, nHidden: ordered.length - names.length };
}

const keyOf = (one: string, other: string): string => JSON.stringify(one < other ? [one, other] : [other, one]);

/** Write a share as percent: whole ones, with a digit below ten, and what is next to nothing as that. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  return `${percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(1)} %`;
}
