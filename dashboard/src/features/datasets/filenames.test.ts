import { describe, expect, it } from 'vitest';
import { guessFormat, nameOf } from './filenames';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('guessFormat', () => {
  it.each([
    ['a.csv', 'x,y', 'csv'],
    ['a.TSV', 'x\ty', 'csv'],
    ['a.npz', 'PK\u0003\u0004', 'npz'],
    ['a.parquet', 'PAR1', 'parquet'],
    ['a.ZIP', 'PK\u0003\u0004', 'images'],
  ])('%s', (name, first, format) => expect(guessFormat(name, bytes(first))).toBe(format));

  it.each([
    ['a.csv', 'PK\u0003\u0004'],
    ['a.npz', 'x,y'],
    ['a.csv', 'PAR1'],
    ['a.parquet', 'PK\u0003\u0004'],
    ['a.zip', 'PAR1'],
    ['a.xlsx', 'PK\u0003\u0004'],
    ['a', 'x,y'],
  ])('does not guess at %s', (name, first) => expect(guessFormat(name, bytes(first))).toBeNull());
});

describe('nameOf', () => {
  it.each([
    ['My Flowers (2).csv', 'my-flowers-2'],
    ['iris.v2.parquet', 'iris-v2'],
    ['_Größe.npz', 'gro-e'],
    ['数据.zip', ''],
  ])('%s', (file, name) => expect(nameOf(file)).toBe(name));

  it('is short enough', () => expect(nameOf(`${'a'.repeat(63)} b.csv`)).toBe('a'.repeat(63)));
});
