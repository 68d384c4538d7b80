import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Rest } from './rest';

describe('Rest', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('runs once, after the last time it was asked', () => {
    const run = vi.fn();
    const rest = new Rest(100, run);
    for (let i = 0; i < 5; i += 1) {
      rest.ask();
      vi.advanceTimersByTime(90);
    }
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('runs at once where told to, and not again', () => {
    const run = vi.fn();
    const rest = new Rest(100, run);
    rest.ask();
    rest.now();
    vi.advanceTimersByTime(1000);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('does not run once it is called off', () => {
    const run = vi.fn();
    const rest = new Rest(100, run);
    rest.ask();
    rest.cancel();
    vi.advanceTimersByTime(1000);
    expect(run).not.toHaveBeenCalled();
  });
});
