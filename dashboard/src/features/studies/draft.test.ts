import { describe, expect, it } from 'vitest';
import {
  datasetNamed,
  fits,
  freeName,
  parseDraft,
  templateFor,
  templateOf,
  valueAt,
  withDataset,
  withModel,
  withObjective,
  withoutValue,
  withValue,
  writeDraft,
} from './draft';

const hyperparameter = (name: string) => ({ name, default: DEFAULTS[name] });
const DEFAULTS: Readonly<Record<string, number>> = { epochs: 30, batch_size: 64 };
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
  kinds: ['table', 'image'],
};
const reader = { ...mlp, name: 'reader', kinds: ['text'], tasks: ['next_token'], metrics: { next_token: [{ name: 'val_loss', direction: 'minimize' }] } };
const tree = { ...mlp, name: 'tree', hyperparameters: [hyperparameter('depth')], default_space: { depth: { type: 'int', low: 1, high: 9 } } };
const digits = { name: 'digits', task: 'classification', kind: 'image' };
const diabetes = { name: 'diabetes', task: 'regression', kind: 'table' };
const book = { name: 'book', task: 'next_token', kind: 'text' };
const draft = templateOf(mlp, digits);

describe('datasetNamed', () => {
  it('finds a data set by its name, whatever the version', () => {
    expect(datasetNamed([digits, book], 'book')).toBe(book);
    expect(datasetNamed([digits, book], 'book@3')).toBe(book);
    expect([datasetNamed([digits], 'books'), datasetNamed([digits], undefined)]).toEqual([undefined, undefined]);
  });
});

describe('templateFor', () => {
  const asking = (query: string) => new URLSearchParams(query);
  const shown = { ...mlp, name: 'shown', template: { dataset: 'diabetes', n_trials: 12, sampler: 'random' } };
  const all = [digits, diabetes, book];

  it('takes data, sampler and trials from the catalogue', () => {
    expect(templateFor([mlp, shown], all, asking('template=shown'))).toMatchObject({
      model: 'shown',
      dataset: 'diabetes',
      sampler: { name: 'random' },
      budget: { n_trials: 12 },
      objectives: [{ metric: 'val_rmse', direction: 'minimize' }],
    });
  });

  it('takes the first that fits where none or an unknown one is asked for', () => {
    expect(templateFor([mlp, shown], all, asking(''))).toMatchObject({ model: 'mlp', dataset: 'digits' });
    expect(templateFor([shown], [digits], asking('template=nobody'))).toMatchObject({ model: 'shown', dataset: 'digits' });
    expect(templateFor([reader], [digits], asking(''))).toBeNull();
  });

  it('takes the data set that is asked for, in that version, and a model that learns it', () => {
    expect(templateFor([mlp, reader], all, asking('dataset=book@2'))).toMatchObject({ model: 'reader', dataset: 'book@2' });
    expect(templateFor([mlp, shown], all, asking('template=shown&dataset=digits'))).toMatchObject({ model: 'shown', dataset: 'digits' });
    expect(templateFor([mlp], all, asking('dataset=book'))).toBeNull();
  });
});

describe('templateOf', () => {
  it('starts from the default space and judges by unseen data', () => {
    expect(draft).toMatchObject({
      name: 'digits-mlp',
      search_space: mlp.default_space,
      fixed: { epochs: 30, batch_size: 64 },
      objectives: [{ metric: 'val_accuracy', direction: 'maximize' }],
    });
  });
  it('falls back to the loss, then to whatever there is', () => {
    const judgedBy = (...names: string[]) => {
      const metrics = { classification: names.map((name) => ({ name, direction: 'minimize' })) };
      return templateOf({ ...mlp, metrics }, digits).objectives;
    };
    expect(judgedBy('train_loss', 'val_loss')).toEqual([{ metric: 'val_loss', direction: 'minimize' }]);
    expect(judgedBy('train_loss', 'distance')).toEqual([{ metric: 'distance', direction: 'minimize' }]);
    expect(judgedBy('energy')).toEqual([{ metric: 'energy', direction: 'minimize' }]);
    expect(judgedBy()).toEqual([]);
  });
  it('fixes only what the model knows', () => expect(templateOf(tree, digits).fixed).toEqual({}));
});

it('changes what depends on the model or the data set, and nothing else', () => {
  const renamed = withValue(draft, 'name', 'mine');
  expect(withModel(renamed, tree, digits)).toMatchObject({ name: 'mine', model: 'tree', search_space: tree.default_space, fixed: {} });
  expect(withDataset(renamed, diabetes, [mlp])).toMatchObject({
    name: 'mine',
    dataset: 'diabetes',
    objectives: [{ metric: 'val_rmse', direction: 'minimize' }],
  });
});

it('keeps the objective where another data set has it too', () => {
  const byLoss = withObjective(draft, 'val_loss', mlp, digits);
  expect(byLoss.objectives).toEqual([{ metric: 'val_loss', direction: 'minimize' }]);
  expect(withDataset(byLoss, { ...digits, name: 'letters' }, [mlp])).toMatchObject({ dataset: 'letters', objectives: byLoss.objectives });
});

it('offers a model only for data that it takes, and changes to one that fits', () => {
  expect([fits(mlp, digits), fits(mlp, book), fits(reader, book)]).toEqual([true, false, true]);
  expect(withDataset(draft, book, [mlp, reader])).toMatchObject({
    dataset: 'book',
    model: 'reader',
    objectives: [{ metric: 'val_loss', direction: 'minimize' }],
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

it('removes by path', () => {
  expect(withoutValue(draft, 'fixed.epochs').fixed).toEqual({ batch_size: 64 });
  expect(valueAt(draft, 'fixed.epochs')).toBe(30);
  expect(withoutValue(draft, 'nothing.here')).toEqual(draft);
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
