import { describe, expect, it } from 'vitest';
import { draftOf, emptyDraft, isPlain, optionsOf, wrongOf } from './options';

const OPTIONS = {
  ...{ target: 'species', task: 'classification' as const, kind: null, val_fraction: 0.1, test_fraction: null, split_column: null, seed: 7 },
  ...{ is_chronological: true, ignore: ['id', 'a, b'], image_size: [28, 32] },
};

describe('a form of options', () => {
  it('goes there and back', () => {
    expect(optionsOf(draftOf(OPTIONS))).toEqual(OPTIONS);
  });

  it('leaves to the server what is empty', () => {
    expect(optionsOf({ ...emptyDraft(), target: '  ', ignore: '\n \n' })).toMatchObject({ target: null, ignore: [], image_size: null, seed: null });
    expect([isPlain(emptyDraft()), isPlain({ ...emptyDraft(), seed: '0' })]).toEqual([true, false]);
  });

  it('makes a square of one side', () => expect(optionsOf({ ...emptyDraft(), imageHeight: '32' }).image_size).toEqual([32, 32]));
});

describe('wrongOf', () => {
  const refusal = (field: string | null, hint: string | null = null): Parameters<typeof wrongOf>[0] => ({ code: 'x', message: 'No.', field, hint });

  it('finds the option, however the server names it', () => {
    expect(['target', 'options.target', 'body.options.target'].map((field) => wrongOf(refusal(field), 'target'))).toEqual(['No.', 'No.', 'No.']);
    expect(wrongOf(refusal('image_size.0', 'Up to 1024.'), 'image_size')).toBe('No. – Up to 1024.');
  });

  it('is silent about others', () => {
    expect([wrongOf(null, 'target'), wrongOf(refusal(null), 'target'), wrongOf(refusal('targets'), 'target')]).toEqual([null, null, null]);
  });
});
