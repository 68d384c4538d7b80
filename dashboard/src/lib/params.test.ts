import { expect, it } from 'vitest';
import { compareParams, differ } from './params';

it('puts values beside those of the best and the defaults', () => {
  const rows = compareParams({ rate: 0.01, units: 64, activation: 'relu' }, { rate: 0.001, units: 64 }, { units: 32, activation: 'tanh' });
  expect(rows).toEqual([
    { name: 'rate', value: '0.01', best: { value: '0.001', isSame: false, step: '×10' }, fallback: null },
    { name: 'units', value: '64', best: { value: '64', isSame: true, step: '' }, fallback: { value: '32', isSame: false, step: '+32' } },
    { name: 'activation', value: 'relu', best: null, fallback: { value: 'tanh', isSame: false, step: '' } },
  ]);
});

it('knows no difference where there is no best trial', () => {
  expect(compareParams({ rate: 0.01 }, null, {})).toEqual([{ name: 'rate', value: '0.01', best: null, fallback: null }]);
});

it('says factors of sizes and sums of counts, and nothing where that means nothing', () => {
  expect(differ(0.0005, 0.001).step).toBe('×0.5');
  expect(differ(1, 3).step).toBe('−2');
  expect(differ(0.5, 0).step).toBe('+0.5');
  expect(differ(-0.5, 0.25).step).toBe('−0.75');
  expect(differ(true, 1).step).toBe('');
  expect(differ([1, 2], [1, 2]).isSame).toBe(true);
});
