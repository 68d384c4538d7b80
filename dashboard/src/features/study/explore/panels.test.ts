import { describe, expect, it } from 'vitest';
import { namedAmong, panelNamed, panelsFor, tabAfter } from './panels';

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
