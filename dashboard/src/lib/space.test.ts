import { describe, expect, it } from 'vitest';
import { otherWords, paramOf, shapeWords, whenWords } from './space';

describe('paramOf', () => {
  it('takes a value by its name', () => expect(paramOf({ rate: 0.1 }, 'rate')).toBe(0.1));
  it('joins the places of a list, in their order', () => {
    const places = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`w.${i + 1}`, i + 1]));
    expect(paramOf({ 'w.length': 11, ...places }, 'w')).toBe('1-2-3-4-5-6-7-8-9-10-11');
  });
  it('has nothing for what is not active', () => expect(paramOf({ rate: 0.1 }, 'momentum')).toBeUndefined());
});

describe('words', () => {
  it('say when a parameter is active', () => {
    expect(whenWords({ when: { optimizer: ['sgd', 'nesterov'], depth: [2] } })).toBe('when optimizer is sgd or nesterov and depth is 2');
    expect(whenWords({ type: 'int' })).toBe('');
  });
  it('say what a parameter may be', () => {
    expect(shapeWords({ type: 'float', low: 0.01, high: 0.1, log: true })).toBe('0.01 to 0.1, log scale');
    expect(shapeWords({ type: 'int', low: 8, high: 64, step: 8, when: { depth: [2] } })).toBe('8 to 64 in steps of 8, when depth is 2');
    expect(shapeWords({ type: 'categorical', choices: ['relu', 'tanh'] })).toBe('relu or tanh');
    expect(shapeWords({ type: 'fixed', value: 3 })).toBe('always 3');
    expect(shapeWords(null)).toBe('not searched');
  });
  it('say kinds without fields', () => {
    expect(otherWords({ type: 'fixed', value: 'relu' })).toBe('always relu');
    const each = { type: 'int', low: 16, high: 64 };
    expect(otherWords({ type: 'list', length: { low: 1, high: 3 }, each })).toBe('1 to 3 values, each 16 to 64');
    expect(otherWords({ type: 'list', length: {}, each: { choices: [8, 16] } })).toContain('each 8 or 16');
    expect(otherWords({ type: 'list' })).toContain('values');
    expect(otherWords({ type: 'float', low: 0, high: 1 })).toBeNull();
  });
});
