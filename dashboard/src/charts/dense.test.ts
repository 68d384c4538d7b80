import { describe, expect, it } from 'vitest';
import { DenseLines } from './dense';

const N = 600;
const STROKES = {
  xs: [0, 30, 60],
  heights: [0, 1, 2].map((k) => Float32Array.from({ length: N }, (_, i) => ((i * (7 + k)) % 50) + 0.3)),
  buckets: Uint8Array.from({ length: N }, (_, i) => i % 2),
  colours: ['#0072b2', 'rgb(213 94 0)'],
};
const SIZE = { width: 60, height: 52 };
const never = (): boolean => false;

const drawn = (...masks: (Uint8Array | null)[]): Float64Array => {
  const lines = new DenseLines(STROKES, SIZE);
  for (const mask of masks) {
    lines.aim(mask);
    lines.work(never);
  }
  return lines.ink.sums;
};
const every = (k: number): Uint8Array => Uint8Array.from({ length: N }, (_, i) => (i % k === 0 ? 1 : 0));

describe('DenseLines', () => {
  it('shows a choice as if nothing had been there before', () => {
    expect(drawn(null, every(3), every(7))).toEqual(drawn(every(7)));
    expect(drawn(every(7), null)).toEqual(drawn(null));
    expect(drawn(every(7))).not.toEqual(drawn(every(3)));
  });

  it('is empty for a choice of none', () => {
    expect(drawn(null).some((sum) => sum !== 0)).toBe(true);
    expect(drawn(null, new Uint8Array(N)).every((sum) => sum === 0)).toBe(true);
  });

  it('stops when it is time and goes on from there, to another choice too', () => {
    const lines = new DenseLines(STROKES, SIZE);
    lines.aim(null);
    lines.work(() => true);
    expect(lines.isDone).toBe(false);
    lines.aim(every(2));
    lines.work(() => true);
    lines.work(never);
    expect(lines.isDone).toBe(true);
    expect(lines.ink.sums).toEqual(drawn(every(2)));
  });
});
