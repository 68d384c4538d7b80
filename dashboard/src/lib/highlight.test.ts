import { expect, it } from 'vitest';
import { cutAt } from './highlight';

const marked = (text: string, wanted: string): string => cutAt(text, wanted).map(({ text, isHit }) => (isHit ? `[${text}]` : text)).join('');

it('marks what is looked for, whatever its case', () => {
  expect(marked('Epoch 1, epoch 2', 'EPOCH')).toBe('[Epoch] 1, [epoch] 2');
  expect(marked('abc', 'bc')).toBe('a[bc]');
});

it('takes everything as plain text', () => {
  expect(marked('a.b axb', 'a.b')).toBe('[a.b] axb');
  expect(marked('100 % (done) [x] \\d $1', '(done) [x] \\d $')).toBe('100 % [(done) [x] \\d $]1');
  expect(marked('<img src=x>', '<IMG')).toBe('[<img] src=x>');
});

it('loses nothing where there is nothing to mark', () => {
  expect(cutAt('text', '')).toEqual([{ text: 'text', isHit: false }]);
  expect(cutAt('text', 'q')).toEqual([{ text: 'text', isHit: false }]);
  expect(cutAt('', 'q')).toEqual([]);
});
