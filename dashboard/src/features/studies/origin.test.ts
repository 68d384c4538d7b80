import { describe, expect, it } from 'vitest';
import { aroundTrial, cloneOf, readAround } from './origin';

const layers = { type: 'list', length: { low: 1, high: 3 }, each: { type: 'int', low: 8, high: 64 } };
const study = {
  name: 'old',
  notes: 'n',
  tags: ['a'],
  spec: {
    model: 'mlp',
    sampler: { name: 'random', seed: 7 },
    warm_start: { studies: ['1'] },
    constraints: ['batch_size <= 4 * hidden_units'],
    search_space: {
      rate: { type: 'float', low: 1e-4, high: 1, log: true },
      dropout: { type: 'float', low: 0, high: 0.5, when: { activation: ['relu'] } },
      units: { type: 'int', low: 16, high: 128, step: 16 },
      depth: { type: 'int', low: 1, high: 4 },
      activation: { type: 'categorical', choices: ['relu', 'tanh'] },
      layers,
    },
  },
};

describe('cloneOf', () => {
  it('keeps every setting but the seed and what the study began with', () => {
    const draft = cloneOf(study, 'new');
    expect(draft).toEqual({ name: 'new', notes: 'n', tags: ['a'], ...study.spec, warm_start: null, sampler: { name: 'random', seed: null } });
    expect(study.spec.sampler.seed).toBe(7);
  });
});

describe('aroundTrial', () => {
  const params = { rate: 0.01, dropout: 0.45, units: 64, depth: 2, activation: 'relu', 'layers.length': 1, 'layers.1': 8 };
  const space = aroundTrial(study, params, 'near').search_space as Record<string, unknown>;

  it('narrows ranges around the trial, within the old ones and on their grid', () => {
    expect(space.rate).toEqual({ type: 'float', low: 0.00158, high: 0.0631, log: true });
    expect(space.dropout).toEqual({ type: 'float', low: 0.35, high: 0.5, when: { activation: ['relu'] } });
    expect(space.units).toEqual({ type: 'int', low: 48, high: 80, step: 16 });
    expect(space.depth).toEqual({ type: 'int', low: 1, high: 3 });
  });

  it('leaves choices, lists and parameters that the trial had not as they are', () => {
    expect(space.activation).toEqual(study.spec.search_space.activation);
    expect(space.layers).toEqual(layers);
    expect(aroundTrial(study, {}, 'near').search_space).toEqual(study.spec.search_space);
  });
});

describe('readAround', () => {
  it('reads a study and a number', () => {
    expect(readAround('digits-mlp:12')).toEqual({ study: 'digits-mlp', number: 12 });
    expect(readAround('digits-mlp')).toBeNull();
    expect(readAround('digits-mlp:-1')).toBeNull();
  });
});
