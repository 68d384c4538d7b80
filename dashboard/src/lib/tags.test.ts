import { describe, expect, it } from 'vitest';
import { readTags } from './tags';

describe('readTags', () => {
  it('splits at spaces and commas and keeps each once', () => {
    expect(readTags(' cnn, größe v1.0:x cnn ')).toEqual({ tags: ['cnn', 'größe', 'v1.0:x'], wrong: null });
    expect(readTags('')).toEqual({ tags: [], wrong: null });
  });

  it('names the first word that is no tag', () => {
    expect(readTags('good a/b').wrong).toBe('a/b');
    expect(readTags('x'.repeat(51)).wrong).toBe('x'.repeat(51));
  });
});
