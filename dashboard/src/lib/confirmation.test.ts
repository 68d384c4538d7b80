import { describe, expect, it } from 'vitest';
import { confirmationWords, meanWords } from './confirmation';

describe('meanWords', () => {
  it('writes the standard error with two digits', () => {
    expect(meanWords(0.9533333, 0.0033333)).toBe('0.9533 ± 0.0033');
  });

  it('leaves out what a single run does not have', () => {
    expect(meanWords(0.97, null)).toBe('0.97');
  });
});

describe('confirmationWords', () => {
  it('tells the three states apart', () => {
    const progress = { n_done: 3, n_total: 6 };
    expect(confirmationWords({ ...progress, state: 'running' })).toContain('3 of 6 runs done');
    expect(confirmationWords({ state: 'complete', n_done: 6, n_total: 6 })).toBe('Confirmed by 6 further runs.');
    expect(confirmationWords({ ...progress, state: 'cut_short' })).toBe('Stopped after 3 of 6 further runs.');
  });
});
