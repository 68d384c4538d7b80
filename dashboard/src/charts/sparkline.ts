/** A best-so-far line as small as a word: values over equal parts of a study's trials into a path. Pure. */

export interface Sparkline {
  /** `d` of an SVG path in a box of `width` x `height`. */
  readonly path: string;
  /** Where the line ends now. */
  readonly end: { readonly x: number; readonly y: number };
}

const PAD = 2;

/**
 * Draw `values` as steps from left to right, the largest on top. Parts before the first result are left empty; a line
 * that never changes runs through the middle. null where nothing is known yet.
 */
export function sparkline(values: readonly (number | null)[], width: number, height: number): Sparkline | null {
  const known = values.flatMap((value, index) => (value === null || !Number.isFinite(value) ? [] : [{ value, index }]));
  const last = known.at(-1);
  if (!last) return null;
  const low = Math.min(...known.map(({ value }) => value));
  const high = Math.max(...known.map(({ value }) => value));
  const toX = (part: number): number => round(PAD + (part / values.length) * (width - 2 * PAD));
  const toY = (value: number): number =>
    round(high === low ? height / 2 : PAD + ((high - value) / (high - low)) * (height - 2 * PAD));
  const steps = known.map(({ value, index }, at) => {
    const y = toY(value);
    return `${at === 0 ? `M${toX(index)} ${y}` : `V${y}`}H${toX(index + 1)}`;
  });
  return { path: steps.join(''), end: { x: toX(last.index + 1), y: toY(last.value) } };
}

const round = (value: number): number => Math.round(value * 100) / 100;
