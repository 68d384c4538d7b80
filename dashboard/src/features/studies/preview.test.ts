import { describe, expect, it } from 'vitest';
import { noteOf, settingName, summaryOf, valueWords } from './preview';

const RATE = { type: 'float', low: 0.01, high: 0.1, log: true };
const widened = { field: 'search_space.rate', before: RATE, after: { ...RATE, high: 1 }, held: null, n_outside: 2 };
const removed = { field: 'search_space.act', before: { choices: ['relu'] }, after: null, held: 'relu', n_outside: null };
const added = { field: 'search_space.dropout', before: null, after: { type: 'float', low: 0, high: 0.5 }, held: 0, n_outside: 0 };
const limit = { field: 'budget.target', before: null, after: 0.9, held: null, n_outside: null };

describe('a change', () => {
  it('says what it is and becomes', () => {
    expect([widened, removed, limit].map(settingName)).toEqual(['rate', 'act', 'target']);
    expect(valueWords(widened, widened.before)).toBe('0.01 to 0.1, log scale');
    expect(valueWords(removed, removed.after)).toBe('not searched');
    expect([valueWords(limit, null), valueWords(limit, 0.9)]).toEqual(['no limit', '0.9']);
    expect(valueWords({ field: 'constraints' }, ['a < b', 'c < d'])).toBe('a < b; c < d');
    expect(valueWords({ field: 'constraints' }, [])).toBe('none');
  });

  it('says what it means for trials from before', () => {
    expect([widened, removed, added, limit].map(noteOf)).toEqual(['2 trials so far lie outside', 'relu from now on', 'so far it was 0', '']);
  });
});

describe('summaryOf', () => {
  const checked = { changes: [widened], n_finished: 12, n_fitting: 9, n_replaced: 0, is_reopened: false };

  it('counts the trials that fit', () => {
    expect(summaryOf(checked)).toEqual(['9 of 12 trials that finished still fit.']);
    expect(summaryOf({ ...checked, n_finished: 0, n_fitting: 0 })).toEqual(['No trial has finished yet.']);
  });

  it('tells of trials that wait, and of a study that goes on', () => {
    expect(summaryOf({ ...checked, n_replaced: 1, is_reopened: true }).slice(1)).toEqual([
      '1 trial that waits gets other parameters.',
      'The study has ended, and goes on.',
    ]);
  });

  it('says that nothing changes', () => expect(summaryOf({ ...checked, changes: [] })).toEqual(['The study is like this already.']));
});
