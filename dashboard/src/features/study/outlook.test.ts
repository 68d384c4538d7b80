import { describe, expect, it } from 'vitest';
import { lookAhead, tellOutlook } from './outlook';

const columns = (states: ('COMPLETE' | 'PRUNED' | 'RUNNING')[]) => ({
  states,
  startedAt_s: Float64Array.from(states, (_, i) => 100 * i),
  durations_s: Float64Array.from(states, (state) => (state === 'RUNNING' ? NaN : 50)),
});

describe('lookAhead', () => {
  it('goes on at the pace of the trials that have ended', () => {
    // Ends at 50, 150, 250; now is 250: one each 100 s.
    expect(lookAhead(columns(['COMPLETE', 'PRUNED', 'COMPLETE', 'RUNNING']), 9, 250)).toEqual({ nLeft: 6, left_s: 600, chance: 6 / 9 });
  });
  it('slows down while nothing ends', () => expect(lookAhead(columns(['COMPLETE', 'COMPLETE']), 4, 450)?.left_s).toBe(800));
  it('knows no pace from one trial', () => expect(lookAhead(columns(['COMPLETE']), 2, 60)).toEqual({ nLeft: 1, left_s: null, chance: 0.5 }));
  it('has nothing to say without an end, or behind it', () => {
    expect(lookAhead(columns(['COMPLETE']), null, 60)).toBeNull();
    expect(lookAhead(columns(['COMPLETE']), 1, 60)).toBeNull();
  });
});

it('says it in words', () => {
  const tell = (seconds: number): string => `${seconds} s`;
  expect(tellOutlook({ nLeft: 6, left_s: 600, chance: 0.5 }, tell)).toBe(
    '6 trials are left, about 600 s at the present pace. Were they like those so far, one would beat the best with 50 %.',
  );
  expect(tellOutlook({ nLeft: 1, left_s: null, chance: null }, tell)).toBe('1 trial is left.');
});
