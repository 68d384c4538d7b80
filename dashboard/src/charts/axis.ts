/** One axis of a chart that we draw ourselves: from values to pixels and back, linear or logarithmic. Pure. */

export interface Axis {
  readonly low: number;
  readonly high: number;
  /** Length in px. */
  readonly size: number;
  readonly isLog: boolean;
}

/** A function from values to px from the low end; a logarithmic axis has no place (NaN) for what is not positive. */
export function scaleOf({ low, high, size, isLog }: Axis): (value: number) => number {
  const from = isLog ? Math.log(low) : low;
  const factor = size / ((isLog ? Math.log(high) : high) - from || 1);
  return isLog ? (value) => (value > 0 ? (Math.log(value) - from) * factor : NaN) : (value) => (value - from) * factor;
}

/** The value at a place, in px from the low end. */
export function valueAt({ low, high, size, isLog }: Axis, px: number): number {
  const share = px / (size || 1);
  return isLog ? low * (high / low) ** share : low + (high - low) * share;
}

export interface Span {
  readonly low: number;
  readonly high: number;
}

/** Narrow (`factor` < 1) or widen a span around the value at `share` of its length, within `bounds`; null: it is all of them. */
export function zoom(span: Span, factor: number, share: number, bounds: Span): Span | null {
  const length = (span.high - span.low) * factor;
  const centre = span.low + (span.high - span.low) * share;
  return within({ low: centre - length * share, high: centre + length * (1 - share) }, bounds);
}

/** Move a span by a share of its length, within `bounds`. */
export function pan(span: Span, share: number, bounds: Span): Span | null {
  const length = span.high - span.low;
  const low = Math.max(bounds.low, Math.min(span.low + length * share, bounds.high - length));
  return within({ low, high: low + length }, bounds);
}

function within(span: Span, bounds: Span): Span | null {
  const low = Math.max(bounds.low, span.low);
  const high = Math.min(bounds.high, span.high);
  return low <= bounds.low && high >= bounds.high ? null : { low, high };
}

/** Read a span from an address, such as `20,50`; null where it is none. */
export function readSpan(text: string | null): Span | null {
  const [low = NaN, high = NaN, ...rest] = (text ?? '').split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  return rest.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low < high ? { low, high } : null;
}

/** Write a span for an address, with six digits. */
export const writeSpan = (span: Span | null): string | null =>
  span === null ? null : [span.low, span.high].map((value) => Number(value.toPrecision(6))).join(',');
