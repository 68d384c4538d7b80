import { describe, expect, it } from 'vitest';
import { MIXED, trialsOf } from './examples';
import { BEST_LOOK, hiddenWords, INFEASIBLE_LOOK, PRUNED_LOOK } from './marks';
import { drawSlice } from './slice';

const [objective] = MIXED.objectives;
const param = (name: string): (typeof MIXED.params)[number] => {
  const found = MIXED.params.find((one) => one.name === name);
  if (!found) throw new Error(name);
  return found;
};
if (!objective) throw new Error('no objective');

describe('drawSlice', () => {
  it('draws what ended with a value, each with its sign', () => {
    const picture = drawSlice(MIXED, { objective, param: param('rate'), theme: 'light' });
    expect([...picture.keys]).toEqual([0, 1, 2, 4, 5, 7]);
    expect([...picture.xs]).toEqual([0.001, 0.01, 0.1, 0.02, 0.003, 0.03]);
    expect(picture.styles[1]).toBe(BEST_LOOK); // the first of two equal ones
    expect(picture.styles[2]).toBe(PRUNED_LOOK);
    expect(picture.styles[3]).toBe(INFEASIBLE_LOOK);
    expect(picture.x.kind).toBe('log');
    expect(picture.nHidden).toBe(1); // failed; the running one has not ended
    expect(picture.summary).toBe('val_accuracy against rate, 6 trials; the best, trial 1, has 0.01.');
  });

  it('leaves trials without the parameter out, and says so', () => {
    const picture = drawSlice(MIXED, { objective, param: param('momentum'), theme: 'dark' });
    expect([...picture.keys]).toEqual([0, 2, 5, 7]);
    expect(hiddenWords([picture.nHidden])).toContain('3 ended trials are not drawn');
    expect(hiddenWords([1, 3])).toContain('By chart 1 to 3 ended trials');
    expect([hiddenWords([]), hiddenWords([0, 0])]).toEqual(['', '']);
    expect(picture.summary).toBe('val_accuracy against momentum, 4 trials.');
  });

  it('spreads choices around their place, always the same way', () => {
    const [one, other] = [0, 1].map(() => drawSlice(MIXED, { objective, param: param('act'), theme: 'light' }));
    expect(one).toEqual(other);
    expect(one?.x.choices).toEqual(['relu', 'tanh']);
    expect([...(one?.xs ?? [])].map((x) => Math.abs(Math.round(x)))).toEqual([0, 1, 0, 1, 0, 0]);
    expect(new Set(one?.xs).size).toBe(6);
  });

  it('colours by when a trial was proposed', () => {
    const rows = [0.1, 0.2, 0.3, 0.9].map((value, i) => ({ values: [value], params: { rate: i } }));
    const trials = trialsOf([['loss', 'minimize']], rows);
    const [loss] = trials.objectives;
    const [rate] = trials.params;
    if (!loss || !rate) throw new Error('empty');
    const { styles } = drawSlice(trials, { objective: loss, param: rate, theme: 'light' });
    expect(styles[0]).toBe(BEST_LOOK);
    expect(Number(styles[1])).toBeLessThan(Number(styles[2]));
    expect(Number(styles[2])).toBeLessThan(Number(styles[3]));
  });

  it('takes a log axis where some values lie far from the others', () => {
    const rows = [0.1, 0.2, 5000].map((value, i) => ({ values: [value], params: { rate: i } }));
    const trials = trialsOf([['loss', 'minimize']], rows);
    const [loss] = trials.objectives;
    const [rate] = trials.params;
    if (!loss || !rate) throw new Error('empty');
    expect(drawSlice(trials, { objective: loss, param: rate, theme: 'light' }).y.kind).toBe('log');
    expect(drawSlice(MIXED, { objective, param: param('rate'), theme: 'light' }).y.kind).toBe('linear');
    const nearly = [1e-6, 0.5, 0.6, 0.7, 0.8].map((value, i) => ({ values: [value], params: { rate: i } }));
    const even = trialsOf([['accuracy', 'maximize']], [...nearly, ...nearly.slice(1), ...nearly.slice(1), ...nearly.slice(1), ...nearly.slice(1)]);
    expect(drawSlice(even, { objective: even.objectives[0] ?? loss, param: rate, theme: 'light' }).y.kind).toBe('linear'); // one bad accuracy
  });
});
