/** A confusion matrix as cells to draw: counts with their share of the true class, and how dark each is. Pure. */
import { formatNumber } from '$lib/format';

export interface ConfusionCell {
  readonly count: number;
  /** Of the true class's examples, 0 to 1; 0 for a class without any. */
  readonly share: number;
  readonly isRight: boolean;
}

export interface ConfusionPicture {
  /** A row a true class, a column a predicted one. */
  readonly rows: readonly (readonly ConfusionCell[])[];
  /** One sentence on the whole. */
  readonly summary: string;
}

/** Lay out a confusion matrix; `counts` is square, a row a true class. */
export function drawConfusion(counts: readonly (readonly number[])[]): ConfusionPicture {
  const rows = counts.map((row, truth) => {
    const n = sum(row);
    return row.map((count, predicted) => ({ count, share: n === 0 ? 0 : count / n, isRight: truth === predicted }));
  });
  return { rows, summary: summarise(rows) };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function summarise(rows: readonly (readonly ConfusionCell[])[]): string {
  const cells = rows.flatMap((row, truth) => row.map((cell, predicted) => ({ ...cell, truth, predicted })));
  const n = sum(cells.map(({ count }) => count));
  if (n === 0) return 'No examples.';
  const right = sum(cells.filter(({ isRight }) => isRight).map(({ count }) => count));
  const start = `${right} of ${n} examples right (${formatNumber(right / n)}).`;
  const worst = cells.filter(({ isRight }) => !isRight).reduce<(typeof cells)[number] | null>((a, b) => (a && a.count >= b.count ? a : b), null);
  if (!worst || worst.count === 0) return start;
  return `${start} The most common mistake: class ${worst.truth} taken for ${worst.predicted}, ${worst.count} times.`;
}
