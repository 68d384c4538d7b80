import { expect, test } from 'vitest';
import { MAX_IN_ADDRESS, readChosen, writeChosen } from './chosen';

test('a choice is read back from what was written', () => {
  const chosen = new Set([7, 1, 50]);
  expect(writeChosen(chosen)).toBe('1,7,50');
  expect(readChosen('1,7,50')).toEqual(chosen);
});

test('what is no number is left out', () => {
  expect(readChosen('3,x,-1,,1e3,4')).toEqual(new Set([3, 4]));
  expect(readChosen('x')).toBeNull();
  expect(readChosen(null)).toBeNull();
});

test('a long choice and an empty one do not stand in the address', () => {
  const many = Array.from({ length: MAX_IN_ADDRESS + 1 }, (_, i) => i);
  expect(writeChosen(new Set(many))).toBeNull();
  expect(writeChosen(new Set(many.slice(1)))).toContain('50');
  expect(writeChosen(new Set())).toBeNull();
});
