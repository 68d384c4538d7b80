import { describe, expect, it } from 'vitest';
import { MIXED, trialsOf } from './examples';
import { drawRank, ranksOf } from './rank';

describe('ranksOf', () => {
  it('ranks results alone, equal ones together', () => {
    const [objective] = MIXED.objectives;
    if (!objective) throw new Error('empty');
    const ranks = [...ranksOf(MIXED, objective)];
    expect(ranks.map((rank) => (Number.isNaN(rank) ? null : rank))).toEqual([0, 2.5 / 3, null, null, null, 1 / 3, null, 2.5 / 3]);
  });

  it('takes the lowest for the best where less is better', () => {
    const trials = trialsOf([['loss', 'minimize']], [3, 1, 2].map((value) => ({ values: [value], params: { rate: value } })));
    const [objective] = trials.objectives;
    if (!objective) throw new Error('empty');
    expect([...ranksOf(trials, objective)]).toEqual([0, 1, 0.5]);
  });
});

describe('drawRank', () => {
  it('draws a pair by rank', () => {
    const [objective] = MIXED.objectives;
    const [x, y] = MIXED.params;
    if (!objective || !x || !y) throw new Error('empty');
    const picture = drawRank(MIXED, { objective, x, y, theme: 'light', ranks: ranksOf(MIXED, objective) });
    expect([picture.x.label, picture.y.label]).toEqual(['rate', 'act']);
    expect(Number(picture.styles[0])).toBeLessThan(Number(picture.styles[4])); // trial 0 is the worst, trial 5 better
    expect(picture.summary).toBe('act against rate, 6 trials coloured by the rank of val_accuracy.');
  });
});
