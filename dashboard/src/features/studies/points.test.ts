import { describe, expect, it } from 'vitest';
import { readPoint, slotsOf } from './points';

const SPACE = {
  rate: { type: 'float', low: 0.01, high: 0.1, log: true },
  act: { type: 'categorical', choices: ['relu', true, 2] },
  widths: { type: 'list', length: { low: 1, high: 2 }, each: { type: 'int', low: 8, high: 64 } },
  always: { type: 'fixed', value: 3 },
};

describe('slotsOf', () => {
  it('has a place for each parameter, several for a list, none for what is fixed', () => {
    expect(slotsOf(SPACE).map(({ name }) => name)).toEqual(['rate', 'act', 'widths.length', 'widths.1', 'widths.2']);
    expect(slotsOf(SPACE)[0]).toEqual({ name: 'rate', choices: null, accepted: '0.01 to 0.1' });
  });
});

describe('readPoint', () => {
  const slots = slotsOf(SPACE);

  it('reads numbers and choices, and leaves out what is empty', () => {
    expect(readPoint(slots, { rate: '1e-3', act: 'true', 'widths.1': ' ', 'widths.length': '1' })).toEqual({
      rate: 0.001,
      act: true,
      'widths.length': 1,
    });
  });

  it('leaves text that is no number to be refused by the server', () => {
    expect(readPoint(slots, { rate: 'fast' })).toEqual({ rate: 'fast' });
  });
});
