import { describe, expect, it } from 'vitest';
import { byRank, byUse, namedAmong, panelNamed, panelsFor, tabAfter } from './panels';

describe('panels', () => {
  it('have a front where there are two objectives, and open it', () => {
    expect(panelsFor(1).map(({ name }) => name)).not.toContain('front');
    expect(panelNamed(panelsFor(1), null)).toBe('slice');
    expect(panelNamed(panelsFor(2), null)).toBe('front');
  });

  it('are opened by name, and by no other', () => {
    expect(panelNamed(panelsFor(1), 'timeline')).toBe('timeline');
    expect(panelNamed(panelsFor(1), 'front')).toBe('slice');
    expect(panelNamed(panelsFor(1), 'constructor')).toBe('slice');
  });

  it('are walked by keys, round the ends', () => {
    expect(['ArrowRight', 'ArrowLeft', 'Home', 'End', 'a'].map((key) => tabAfter(key, 0, 5))).toEqual([1, 4, 0, 4, null]);
    expect(tabAfter('ArrowRight', 4, 5)).toBe(0);
  });
});

describe('namedAmong', () => {
  it('keeps the order of the address, and only what is known', () => {
    expect(namedAmong('b,x,a,b', ['a', 'b', 'c'], ['c'])).toEqual(['b', 'a']);
    expect(namedAmong('x', ['a', 'b'], ['a'])).toEqual(['a']);
    expect(namedAmong(null, ['a', 'b'], ['b'])).toEqual(['b']);
  });
});

describe('byUse', () => {
  const number = (name: string, ...values: number[]) => ({ name, kind: 'number' as const, values });
  const params = [
    { name: 'act', kind: 'category' as const, codes: [0, 1, 0] },
    number('constant', 2, 2, 2),
    number('momentum', NaN, NaN, 0.9),
    number('dropout', 0.1, 0.2, 0.3),
    number('rate', 0.1, 0.2, NaN),
  ];

  it('puts numbers first, the most important of them before the others', () => {
    expect(byUse(params, ['act', 'rate', 'constant', 'dropout'])).toEqual(['rate', 'dropout', 'act', 'constant', 'momentum']);
  });

  it('keeps the order where nothing is known of importance', () => {
    expect(byUse(params, [])).toEqual(['dropout', 'rate', 'act', 'constant', 'momentum']);
  });
});

describe('byRank', () => {
  it('puts what matters first, and leaves out what is not there', () => {
    expect(byRank(['momentum', 'gone', 'dropout'], ['dropout', 'epochs', 'momentum'])).toEqual(['momentum', 'dropout', 'epochs']);
    expect(byRank([], ['dropout', 'epochs'])).toEqual(['dropout', 'epochs']);
  });
});
