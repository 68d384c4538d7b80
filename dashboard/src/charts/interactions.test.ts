import { describe, expect, it } from 'vitest';
import { drawInteractions, formatShare, MAX_NAMES } from './interactions';

const share = (name: string, value: number) => ({ name, share: value, spread: 0 });
const pair = (first: string, second: string, value: number) => ({ first, second, share: value, spread: 0 });

describe('drawInteractions', () => {
  it('puts what matters most first, alone on the diagonal and pairs once', () => {
    const { names, rows, nHidden } = drawInteractions(
      [share('a', 0.2), share('b', 0.1), share('c', 0.05)],
      [pair('a', 'b', 0), pair('a', 'c', 0.01), pair('b', 'c', 0.5)],
    );
    expect(names).toEqual(['b', 'c', 'a']);
    expect(rows.map((row) => row.map((cell) => cell.share))).toEqual([[0.1], [0.5, 0.05], [0, 0.01, 0.2]]);
    expect(rows[1]?.map((cell) => cell.isAlone)).toEqual([false, true]);
    expect(nHidden).toBe(0);
  });

  it('leaves out the least of many', () => {
    const shares = Array.from({ length: MAX_NAMES + 3 }, (_, i) => share(`p${i}`, i / 100));
    const { names, nHidden } = drawInteractions(shares, []);
    expect(names).toHaveLength(MAX_NAMES);
    expect(names[0]).toBe(`p${MAX_NAMES + 2}`);
    expect(nHidden).toBe(3);
  });

  it('bears nothing', () => expect(drawInteractions([], []).rows).toEqual([]));
});

describe('formatShare', () => {
  it('has a digit where one matters', () => {
    expect([0, 0.0004, 0.0123, 0.0996, 0.5, 1].map(formatShare)).toEqual(['0.0 %', '< 0.1 %', '1.2 %', '10 %', '50 %', '100 %']);
  });
});
