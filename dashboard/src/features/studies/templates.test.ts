import { expect, it } from 'vitest';
import { suits } from './templates';

it('says what a network is for', () => {
  const table = { tasks: ['classification', 'regression'], kinds: ['table', 'image', 'sequence'], is_generative: false };
  expect(suits(table)).toBe('classification and regression, of tables, images and sequences');
  expect(suits({ tasks: ['next_token'], kinds: ['text'], is_generative: false })).toBe('next token, of texts');
  expect(suits({ tasks: ['classification'], kinds: ['image'], is_generative: true })).toBe('generation, of images');
  expect(suits({ tasks: ['ranking'], kinds: ['graph'], is_generative: false })).toBe('ranking, of graph');
});
