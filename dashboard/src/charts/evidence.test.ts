import { expect, it } from 'vitest';
import { marksOf, type Seen } from './evidence';

const OVERFITTING: Seen = { kind: 'overfitting', title: 'Overfitting', evidence: { numbers: { best_epoch: 4, best_val_loss: 0.2, train_loss_then: 0.3 } } };
const DEAD: Seen = { kind: 'dead_relus', title: 'Dead units', evidence: { numbers: { dead_units: 0.5, dead_units_first: 0.1 } } };

it('marks the epoch that a finding names on the curves it is about', () => {
  const epoch = { at: 4, axis: 'x', label: 'Overfitting from here' };
  expect(marksOf([OVERFITTING, DEAD], 'val_loss')).toEqual([epoch, { at: 0.2, axis: 'y', label: 'Overfitting: best val loss' }]);
  expect(marksOf([OVERFITTING, DEAD], 'train_loss')).toEqual([epoch]);
  expect(marksOf([OVERFITTING, DEAD], 'val_accuracy')).toEqual([]);
});

it('marks a level on its own curve alone', () => {
  expect(marksOf([DEAD], 'dead_units')).toEqual([{ at: 0.5, axis: 'y', label: 'Dead units: dead units' }]);
});

it('has nothing to mark without numbers', () => {
  expect(marksOf([{ kind: 'good_fit', title: 'Good fit', evidence: {} }], 'val_loss')).toEqual([]);
});
