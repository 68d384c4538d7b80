import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Coalescer } from './coalesce';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('handles what came together once, each key once', () => {
  const runs: (readonly number[])[] = [];
  const coalescer = new Coalescer<number>(400, (keys) => runs.push(keys));
  coalescer.add(1);
  vi.advanceTimersByTime(300);
  coalescer.add(2);
  coalescer.add(1);
  expect(runs).toEqual([]);
  vi.advanceTimersByTime(100); // counted from the first key: a steady stream cannot put it off for ever
  expect(runs).toEqual([[1, 2]]);
  coalescer.add(3);
  vi.advanceTimersByTime(400);
  expect(runs).toEqual([[1, 2], [3]]);
});

it('forgets what was gathered when cancelled', () => {
  const run = vi.fn();
  const coalescer = new Coalescer<number>(400, run);
  coalescer.add(1);
  coalescer.cancel();
  vi.advanceTimersByTime(1000);
  expect(run).not.toHaveBeenCalled();
});
