/** How the rows of each part are spread over the classes: data for bars. Pure. */

export const PARTS = ['train', 'val', 'test'] as const;
export type Part = (typeof PARTS)[number];
/** What people call the parts. */
export const PART_WORDS: Readonly<Record<Part, string>> = { train: 'Training', val: 'Validation', test: 'Test' };

export type ClassCounts = Readonly<Record<Part, number>> & { readonly name: string };

export interface BalanceRow {
  readonly name: string;
  readonly counts: Readonly<Record<Part, number>>;
  /** Length of each part's bar, 0 to 1: its share of the part's rows, by the largest share there is. */
  readonly lengths: Readonly<Record<Part, number>>;
}

export interface Balance {
  readonly rows: readonly BalanceRow[];
  readonly totals: Readonly<Record<Part, number>>;
  /** Classes that are not among `rows`. */
  readonly nLeftOut: number;
  /** What the chart shows, in a sentence. */
  readonly summary: string;
}

/** Lay out the first `most` classes; lengths are shares of a part, so that parts of unequal size can be compared. */
export function balanceOf(classes: readonly ClassCounts[], most: number): Balance {
  const totals = record((part) => classes.reduce((sum, one) => sum + one[part], 0));
  const shares = classes.map((one) => record((part) => (totals[part] === 0 ? 0 : one[part] / totals[part])));
  const largest = Math.max(...shares.flatMap((one) => PARTS.map((part) => one[part])), Number.MIN_VALUE);
  const rows = classes.slice(0, most).map((one, i) => ({
    name: one.name,
    counts: record((part) => one[part]),
    lengths: record((part) => (shares[i]?.[part] ?? 0) / largest),
  }));
  return { rows, totals, nLeftOut: Math.max(classes.length - most, 0), summary: sentence(classes) };
}

const record = (of: (part: Part) => number): Readonly<Record<Part, number>> => ({ train: of('train'), val: of('val'), test: of('test') });

function sentence(classes: readonly ClassCounts[]): string {
  const sizes = classes.map(({ train, val, test }) => train + val + test);
  const [largest, smallest] = [Math.max(...sizes), Math.min(...sizes)];
  if (classes.length === 0) return 'There are no classes.';
  if (largest === smallest) return `${classes.length} classes of ${largest} rows each.`;
  const named = (size: number): string => `${classes[sizes.indexOf(size)]?.name ?? ''} (${size})`;
  return `${classes.length} classes, from ${named(smallest)} to ${named(largest)} rows.`;
}
