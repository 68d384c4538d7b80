/** Counts between edges as bars. Pure. */
import { formatCount, formatNumber } from '$lib/format';

export interface Counted {
  /** One more than there are bins, rising. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

/** A bar in a box of 1 x 1 whose y axis points down. */
export interface Bar {
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly height: number;
  readonly words: string;
}

/** The least height of a bin that is not empty: a single row among a million is seen, too. */
const LEAST = 0.03;

/** Lay out bars; `most` is the count that reaches the top, the largest where it is left out. */
export function barsOf({ edges, counts }: Counted, most = Math.max(...counts, 1)): readonly Bar[] {
  const [low, high] = [edges[0] ?? 0, edges.at(-1) ?? 1];
  const span = high - low || 1;
  return counts.map((count, i) => {
    const [from, to] = [edges[i] ?? low, edges[i + 1] ?? high];
    const height = count === 0 ? 0 : Math.max(count / most, LEAST);
    const words = `${formatNumber(from)} to ${formatNumber(to)}: ${formatCount(count)}`;
    return { x: (from - low) / span, width: (to - from) / span, y: 1 - height, height, words };
  });
}

/** Say where most rows lie, for those who do not see the bars. */
export function histogramWords(name: string, { edges, counts }: Counted): string {
  const top = counts.indexOf(Math.max(...counts));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return `${name}: no numbers`;
  const [low, high, from, to] = [edges[0], edges.at(-1), edges[top], edges[top + 1]].map((edge) => formatNumber(edge));
  return `${name}: ${formatCount(total)} numbers from ${low} to ${high}, most between ${from} and ${to}`;
}
