import { describe, expect, it } from 'vitest';
import type { Hyperparameter } from '$api/types';
import { complaintOf, isSearched, matching, readNumberText, readValue, withFixed, withSearched, withUnsearched } from './parameters';

const base = { low: null, high: null, log: false, step: null, choices: [], pattern: null, per_lane: true };
const rate: Hyperparameter = { ...base, name: 'learning_rate', type: 'float', default: 0.001, low: 1e-8, high: 100, log: true, meaning: 'Length of a step.' };
const dropout: Hyperparameter = { ...base, name: 'dropout', type: 'float', default: 0, low: 0, high: 0.95, meaning: 'Against overfitting.' };
const epochs: Hyperparameter = { ...base, name: 'epochs', type: 'int', default: 20, low: 1, high: 100, log: true, meaning: 'Passes.' };
const widths: Hyperparameter = { ...base, name: 'widths', type: 'text', default: '', pattern: String.raw`(\d{1,4}(-\d{1,4}){0,15})?`, meaning: 'Width of each layer.' };
const norm: Hyperparameter = { ...base, name: 'norm', type: 'categorical', default: 'none', choices: ['none', 'batch'], meaning: 'Steadies.' };
const bias: Hyperparameter = { ...base, name: 'bias', type: 'bool', default: true, meaning: 'Bias neurons.' };

describe('complaintOf', () => {
  it.each([
    [rate, 0.5],
    [epochs, 100],
    [widths, ''],
    [widths, '128-64'],
    [norm, 'batch'],
    [bias, false],
    [{ ...widths, pattern: '(?P<only>python)' }, 'whatever'],
  ])('accepts what fits: %#', (hyperparameter, value) => expect(complaintOf(hyperparameter, value)).toBeNull());

  it.each([
    [rate, 200, 'a number from 1e−8 to 100'],
    [rate, 'fast', 'a number from 1e−8 to 100'],
    [epochs, 2.5, 'a whole number from 1 to 100'],
    [widths, '128,64', String.raw`text of the form (\d{1,4}(-\d{1,4}){0,15})?`],
    [widths, 'a 128-64', String.raw`text of the form (\d{1,4}(-\d{1,4}){0,15})?`],
    [norm, 'layer', 'one of none, batch'],
    [bias, 'yes', 'true or false'],
  ])('says what would be accepted: %#', (hyperparameter, value, words) => expect(complaintOf(hyperparameter, value)).toBe(words));
});

it('reads what was typed by the type, and keeps what it cannot read', () => {
  expect([readValue(rate, ' 1e-3 '), readValue(rate, '0.'), readValue(rate, 'fast'), readValue(rate, '')]).toEqual([0.001, 0, 'fast', '']);
  expect([readValue(bias, 'true'), readValue(bias, 'false'), readValue(norm, 'batch'), readValue(widths, '64')]).toEqual([true, false, 'batch', '64']);
  expect(readNumberText('Infinity')).toBe('Infinity');
  const sizes: Hyperparameter = { ...norm, choices: [8, 16] };
  expect(readValue(sizes, '16')).toBe(16);
});

describe('moving between fixed and searched', () => {
  const draft = { fixed: { epochs: 5 }, search_space: { dropout: { type: 'float', low: 0, high: 0.5 } } };

  it('fixes a value, and leaves it out where it is the default', () => {
    expect(withFixed(draft, epochs, 7).fixed).toEqual({ epochs: 7 });
    expect(withFixed(draft, epochs, 20).fixed).toEqual({});
  });

  it('moves what was fixed into the space, by the model’s own range where it has one', () => {
    const own = { epochs: { type: 'int', low: 3, high: 9 } };
    expect(withSearched(draft, epochs, own)).toEqual({ fixed: {}, search_space: { ...draft.search_space, ...own } });
    expect(isSearched(withSearched(draft, epochs, {}), 'epochs')).toBe(true);
    expect(isSearched(draft, 'epochs')).toBe(false);
  });

  it.each([
    [epochs, { type: 'int', low: 2, high: 100, log: true }],
    [rate, { type: 'float', low: 0.0001, high: 0.01, log: true }],
    [dropout, { type: 'float', low: 0, high: 0.95 }],
    [norm, { type: 'categorical', choices: ['none', 'batch'] }],
    [bias, { type: 'categorical', choices: [false, true] }],
    [widths, { type: 'categorical', choices: [''] }],
  ])('makes a range that the model accepts: %#', (hyperparameter, distribution) => {
    expect(withSearched({}, hyperparameter, {})).toEqual({ search_space: { [hyperparameter.name]: distribution } });
  });

  it('takes out of the space', () => expect(withUnsearched(draft, 'dropout')).toEqual({ fixed: { epochs: 5 }, search_space: {} }));
});

it('finds hyperparameters by words of name or meaning', () => {
  expect(matching([rate, dropout, epochs], 'step LENGTH')).toEqual([rate]);
  expect(matching([rate, dropout], ' ')).toEqual([rate, dropout]);
});
