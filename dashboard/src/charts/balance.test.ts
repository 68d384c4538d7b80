import { describe, expect, it } from 'vitest';
import { balanceOf } from './balance';

const CLASSES = [
  { name: 'cat', train: 60, val: 20, test: 10 },
  { name: 'dog', train: 30, val: 10, test: 10 },
  { name: 'eel', train: 10, val: 0, test: 0 },
];

describe('balanceOf', () => {
  it('compares shares, not counts, of parts', () => {
    const { rows, totals } = balanceOf(CLASSES, 10);
    expect(totals).toEqual({ train: 100, val: 30, test: 20 });
    expect(rows[0]?.lengths).toEqual({ train: 0.6 / (2 / 3), val: 1, test: 0.5 / (2 / 3) });
    expect(rows[2]?.lengths).toEqual({ train: 0.1 / (2 / 3), val: 0, test: 0 });
    expect(rows[2]?.counts).toEqual({ train: 10, val: 0, test: 0 });
  });

  it('says how many classes are left out, and scales by all of them', () => {
    const few = balanceOf([...CLASSES].reverse(), 2);
    expect(few.rows.map(({ name }) => name)).toEqual(['eel', 'dog']);
    expect(few.nLeftOut).toBe(1);
    expect(few.rows[1]?.lengths.val).toBeCloseTo(0.5);
  });

  it('says how unequal the classes are', () => {
    expect(balanceOf(CLASSES, 10).summary).toBe('3 classes, from eel (10) to cat (90) rows.');
    expect(balanceOf([{ name: 'a', train: 2, val: 1, test: 1 }, { name: 'b', train: 3, val: 1, test: 0 }], 10).summary).toBe('2 classes of 4 rows each.');
  });

  it('bears a part without rows, and no class at all', () => {
    expect(balanceOf([{ name: 'a', train: 3, val: 0, test: 0 }], 10).rows[0]?.lengths).toEqual({ train: 1, val: 0, test: 0 });
    expect(balanceOf([], 10)).toMatchObject({ rows: [], nLeftOut: 0, summary: 'There are no classes.' });
  });
});
