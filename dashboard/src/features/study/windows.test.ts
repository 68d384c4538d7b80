import { describe, expect, it } from 'vitest';
import { mergeWindow } from './windows';

const curve = (steps: number[], times: number[] | null = null) => ({ id: 1, label: 'Trial 1', state: 'COMPLETE', steps, values: steps.map((step) => step / 10), times });

describe('mergeWindow', () => {
  const whole = curve([0, 10, 20, 30, 40]);

  it('is in detail within its bounds and as it was outside', () => {
    const merged = mergeWindow(whole, curve([10, 12, 14, 20]), { low: 10, high: 20 });
    expect(merged.steps).toEqual([0, 10, 12, 14, 20, 30, 40]);
    expect(merged.values).toEqual([0, 1, 1.2, 1.4, 2, 3, 4]);
  });
  it('never doubles a point when the same window comes twice', () => {
    const once = mergeWindow(whole, curve([10, 15]), { low: 10, high: 29 });
    expect(mergeWindow(once, curve([10, 15]), { low: 10, high: 29 })).toEqual(once);
  });
  it('counts in seconds where curves are shown over time', () => {
    const merged = mergeWindow(curve([0, 1, 2], [0, 5, 9]), curve([1], [5]), { low: 4, high: 6 });
    expect(merged.times).toEqual([0, 5, 9]);
  });
  it('takes all that is fresh without bounds', () => expect(mergeWindow(whole, curve([7]), { low: null, high: null }).steps).toEqual([7]));
  it('keeps all that is old where the window is behind its end', () => {
    expect(mergeWindow(whole, curve([]), { low: 50, high: 60 }).steps).toEqual(whole.steps);
  });
});
