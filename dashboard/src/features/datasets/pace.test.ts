import { describe, expect, it } from 'vitest';
import { restS, speedOf, withSample, type Sample } from './pace';

const at = (seconds: number, nBytes: number): Sample => ({ atMs: seconds * 1000, nBytes });
const run = (samples: readonly Sample[]): readonly Sample[] => samples.reduce(withSample, [] as readonly Sample[]);

describe('speedOf', () => {
  it('says nothing too early', () => {
    expect(speedOf([])).toBeNull();
    expect(speedOf(run([at(0, 0), at(0.3, 900)]))).toBeNull();
  });

  it('measures the last ten seconds', () => {
    expect(speedOf(run([at(0, 0), at(5, 5_000)]))).toBe(1000);
    const samples = run([at(0, 0), at(10, 100_000), at(20, 101_000), at(30, 102_000)]);
    expect(speedOf(samples)).toBe(100);
    expect(samples).toHaveLength(2);
  });
});

it('says how long the rest takes where something moves', () => {
  expect(restS(5_000, 1_000)).toBe(5);
  expect([restS(5_000, 0), restS(5_000, null)]).toEqual([null, null]);
});
