import { describe, expect, it } from 'vitest';
import { freeName, parseDraft, templateOf, valueAt, withDataset, withModel, withValue, writeDraft } from './draft';

const hyperparameter = (name: string) => ({ name });
const mlp = {
  name: 'mlp',
  hyperparameters: ['epochs', 'batch_size', 'learning_rate'].map(hyperparameter),
  metrics: {
    classification: [
      { name: 'train_loss', direction: 'minimize' },
      { name: 'val_loss', direction: 'minimize' },
      { name: 'val_accuracy', direction: 'maximize' },
    ],
    regression: [{ name: 'val_rmse', direction: 'minimize' }],
  },
  default_space: { learning_rate: { type: 'float', low: 1e-4, high: 0.1, log: true } },
  tasks: ['classification', 'regression'],
};
const tree = { ...mlp, name: 'tree', hyperparameters: [hyperparameter('depth')], default_space: { depth: { type: 'int', low: 1, high: 9 } } };
const digits = { name: 'digits', task: 'classification' };
const diabetes = { name: 'diabetes', task: 'regression' };
const draft = templateOf(mlp, digits);

describe('templateOf', () => {
  it('starts from the default space and judges by unseen data', () => {
    expect(draft).toMatchObject({
      name: 'digits-mlp',
      search_space: mlp.default_space,
      fixed: { epochs: 20, batch_size: 64 },
      objectives: [{ metric: 'val_accuracy', direction: 'maximize' }],
    });
  });
  it('falls back to the loss, then to whatever there is', () => {
    const judgedBy = (...names: string[]) => {
      const metrics = { classification: names.map((name) => ({ name, direction: 'minimize' })) };
      return templateOf({ ...mlp, metrics }, digits).objectives;
    };
    expect(judgedBy('train_loss', 'val_loss')).toEqual([{ metric: 'val_loss', direction: 'minimize' }]);
    expect(judgedBy('energy')).toEqual([{ metric: 'energy', direction: 'minimize' }]);
    expect(judgedBy()).toEqual([]);
  });
  it('fixes only what the model knows', () => expect(templateOf(tree, digits).fixed).toEqual({}));
});

it('changes what depends on the model or the data set, and nothing else', () => {
  const renamed = withValue(draft, 'name', 'mine');
  expect(withModel(renamed, tree, digits)).toMatchObject({ name: 'mine', model: 'tree', search_space: tree.default_space, fixed: {} });
  expect(withDataset(renamed, diabetes, mlp)).toMatchObject({
    name: 'mine',
    dataset: 'diabetes',
    objectives: [{ metric: 'val_rmse', direction: 'minimize' }],
  });
});

it('reads and writes by path, keeping the order of keys', () => {
  const changed = withValue(draft, 'budget.n_trials', 99);
  expect(valueAt(changed, 'budget.n_trials')).toBe(99);
  expect(valueAt(draft, 'budget.n_trials')).toBe(20);
  expect(Object.keys(changed)).toEqual(Object.keys(draft));
  expect(valueAt(withValue({}, 'sampler.name', 'grid'), 'sampler.name')).toBe('grid');
  expect(valueAt(draft, 'name.first.letter')).toBeUndefined();
});

describe('parseDraft', () => {
  it('reads what was written', () => expect(parseDraft(writeDraft(draft))).toEqual({ ok: true, value: draft }));
  it.each(['{"a": }', '', '[1]', '7', 'null'])('refuses %j and says why', (text) => {
    const parsed = parseDraft(text);
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.message).toBeTruthy();
  });
});

it('finds a free name', () => {
  expect(freeName('a', ['b'])).toBe('a');
  expect(freeName('a', ['a', 'a-2', 'a-4'])).toBe('a-3');
});
