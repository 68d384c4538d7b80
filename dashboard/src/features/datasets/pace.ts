/** How fast something arrives, and how long the rest takes: from the last seconds alone, because lines change. Pure. */

export interface Sample {
  readonly atMs: number;
  readonly nBytes: number;
}

const SPAN_MS = 10_000;
/** Less says nothing of a speed. */
const LEAST_MS = 500;

/** Add a sample and forget those that are too old, but for the one that reaches back over the whole span. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const from = samples.findLastIndex(({ atMs }) => atMs <= sample.atMs - SPAN_MS);
  return [...samples.slice(Math.max(from, 0)), sample];
}

/** Bytes a second; null while too little is known. */
export function speedOf(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.atMs - first.atMs < LEAST_MS) return null;
  return ((last.nBytes - first.nBytes) * 1000) / (last.atMs - first.atMs);
}

/** Seconds that the rest takes; null where nobody can say. */
export function restS(nLeft: number, speed: number | null): number | null {
  return speed === null || speed <= 0 ? null : nLeft / speed;
}
