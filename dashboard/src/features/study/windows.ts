/** A part of a curve in detail, put into the whole that was read before. Pure. */
import type { TimedCurve } from '$charts/field';

export interface Bounds {
  readonly low: number | null;
  readonly high: number | null;
}

/** Take what lies within the bounds from `fresh`, and what lies outside from `old`; without bounds all is fresh. */
export function mergeWindow<C extends TimedCurve>(old: C, fresh: C, { low, high }: Bounds): C {
  if (low === null && high === null) return fresh;
  const xs = old.times ?? old.steps;
  const before = xs.findIndex((x) => x >= (low ?? -Infinity));
  const after = xs.findIndex((x) => x > (high ?? Infinity));
  const from = before < 0 ? xs.length : before;
  const to = after < 0 ? xs.length : after;
  const join = (was: readonly number[], now: readonly number[]): number[] => [...was.slice(0, from), ...now, ...was.slice(to)];
  const times = old.times && fresh.times ? join(old.times, fresh.times) : null;
  return { ...fresh, steps: join(old.steps, fresh.steps), values: join(old.values, fresh.values), times };
}
