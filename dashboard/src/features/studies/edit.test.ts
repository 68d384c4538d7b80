import { describe, expect, it } from 'vitest';
import { changedNames, changesOf, settingsOf, withChanges } from './edit';

const RATE = { type: 'float', low: 0.0001, high: 0.1, log: true };
const UNITS = { type: 'int', low: 8, high: 64 };
const settings = settingsOf({ search_space: { rate: RATE, units: UNITS }, constraints: ['rate < 1'], budget: { n_trials: 20, target: null } });

describe('changesOf', () => {
  it('says nothing of what is alike', () => {
    expect(changesOf(settings, settings)).toEqual({});
    expect(changesOf(settings, { ...settings, budget: { n_trials: 20 } })).toEqual({});
  });

  it('gives changed and new parameters whole, and null for those taken away', () => {
    const draft = { ...settings, search_space: { rate: { ...RATE, high: 0.5 }, dropout: { type: 'float', low: 0, high: 0.5 } } };
    expect(changesOf(settings, draft)).toEqual({
      search_space: { rate: { ...RATE, high: 0.5 }, units: null, dropout: { type: 'float', low: 0, high: 0.5 } },
    });
  });

  it('gives all constraints, and the limits that differ alone', () => {
    expect(changesOf(settings, { ...settings, constraints: [], budget: { n_trials: 30, target: 0.9 } })).toEqual({
      constraints: [],
      budget: { n_trials: 30, target: 0.9 },
    });
    expect(changesOf({ ...settings, budget: { n_trials: 20, target: 0.9 } }, settings)).toEqual({ budget: { target: null } });
  });
});

describe('withChanges', () => {
  it('leads to the draft that the changes were taken from', () => {
    const draft = { search_space: { rate: { ...RATE, low: 0.01 } }, constraints: [], budget: { n_trials: 40, target: 0.5 } };
    expect(withChanges(settings, changesOf(settings, draft))).toEqual(draft);
  });

  it('keeps what somebody else has changed meanwhile', () => {
    const mine = changesOf(settings, { ...settings, search_space: { ...settings.search_space, rate: { ...RATE, high: 1 } } });
    const theirs = { ...settings, search_space: { rate: RATE, units: { ...UNITS, high: 128 } }, budget: { n_trials: 50 } };
    expect(withChanges(theirs, mine)).toEqual({
      search_space: { rate: { ...RATE, high: 1 }, units: { ...UNITS, high: 128 } },
      constraints: ['rate < 1'],
      budget: { n_trials: 50 },
    });
  });

  it('changes single fields of a parameter', () => {
    expect(withChanges(settings, { search_space: { units: { high: 9 } } }).search_space.units).toEqual({ ...UNITS, high: 9 });
  });
});

it('names what an edit changed', () => {
  const before = { search_space: { rate: RATE }, constraints: [], budget: { n_trials: 20, target: null } };
  const after = { search_space: { rate: RATE, units: UNITS }, constraints: ['rate < 1'], budget: { n_trials: 30, target: null } };
  expect(changedNames(before, after)).toEqual(['units', 'constraints', 'n_trials']);
});
