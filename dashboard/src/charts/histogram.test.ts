import { describe, expect, it } from 'vitest';
import { barsOf, histogramWords } from './histogram';

const COUNTED = { edges: [0, 1, 2, 4], counts: [5, 0, 10] };

describe('barsOf', () => {
  it('fills a box, by the edges', () => {
    expect(barsOf(COUNTED).map(({ x, width, y, height }) => ({ x, width, y, height }))).toEqual([
      { x: 0, width: 0.25, y: 0.5, height: 0.5 },
      { x: 0.25, width: 0.25, y: 1, height: 0 },
      { x: 0.5, width: 0.5, y: 0, height: 1 },
    ]);
    expect(barsOf(COUNTED)[2]?.words).toBe('2 to 4: 10');
  });

  it('shows a single row among a million', () => expect(barsOf({ edges: [0, 1, 2], counts: [1, 1_000_000] })[0]?.height).toBe(0.03));

  it('takes the scale of another part', () => expect(barsOf(COUNTED, 20)[2]?.height).toBe(0.5));

  it('bears a column of one value and one without rows', () => {
    expect(barsOf({ edges: [3, 3], counts: [4] })[0]).toMatchObject({ x: 0, height: 1 });
    expect(barsOf({ edges: [0, 1], counts: [0] })[0]?.height).toBe(0);
  });
});

describe('histogramWords', () => {
  it('says range and top', () => {
    expect(histogramWords('age', COUNTED)).toBe('age: 15 numbers from 0 to 4, most between 2 and 4');
    expect(histogramWords('age', { edges: [0, 1], counts: [0] })).toBe('age: no numbers');
  });
});
