import { expect, it } from 'vitest';
import { isAbout, wrongAt } from './wrong';

const problem = { code: 'out_of_range', message: 'low is 7.', field: 'search_space.rate.low', hint: 'Take less.' };

it('shows a refusal at its field and at what encloses it', () => {
  expect(wrongAt([problem], 'search_space.rate')).toBe('low is 7. – Take less.');
  expect(wrongAt([{ ...problem, hint: null }], 'search_space.rate.low')).toBe('low is 7.');
  expect([isAbout([problem], 'search_space'), isAbout([problem], 'search')]).toEqual([true, false]);
});

it('shows all refusals of a field', () => {
  const other = { ...problem, message: 'no log.', field: 'search_space.rate.log', hint: null };
  expect(wrongAt([problem, other], 'search_space.rate')).toBe('low is 7. – Take less. no log.');
});

it('says nothing elsewhere', () => {
  expect([wrongAt([problem], 'fixed'), wrongAt([], 'fixed'), wrongAt([{ ...problem, field: null }], 'fixed')]).toEqual([null, null, null]);
});
