/** The keys of a chart of marks, the same in each: arrows walk, Space chooses, + and − zoom, Enter opens, Escape goes back. */

export type Keys = Readonly<Record<string, () => void>>;

interface Acts {
  /** Walk so many marks on, or back. */
  readonly step: (by: number) => void;
  readonly pick: () => void;
  readonly toggle: () => void;
  readonly zoom: (factor: number) => void;
  readonly escape: () => void;
}

/** How much of what is shown stays at a zoom by key. */
const CLOSER = 0.6;

/** Name what each key does; `up` says how many marks the arrow up walks. */
export function keysOf({ step, pick, toggle, zoom, escape }: Acts, up: number): Keys {
  return {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    ArrowUp: () => step(up),
    ArrowDown: () => step(-up),
    Enter: pick,
    ' ': toggle,
    '+': () => zoom(CLOSER),
    '=': () => zoom(CLOSER),
    '-': () => zoom(1 / CLOSER),
    Escape: escape,
  };
}

/** The choice with one more, or without it where it was in. */
export function toggled(chosen: ReadonlySet<number> | null, key: number): number[] {
  const next = new Set(chosen ?? []);
  if (!next.delete(key)) next.add(key);
  return [...next];
}

/** The next place of `n` in a walk; from nowhere (-1) to the first or the last. */
export function walked(at: number, by: number, n: number): number {
  if (at < 0) return by > 0 ? 0 : n - 1;
  return Math.min(Math.max(at + by, 0), n - 1);
}
