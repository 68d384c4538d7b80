import { expect, it } from 'vitest';
import { groupMetrics, isOwnMetric, readMember, wordsOf } from './metrics';

it('puts the objective first, then what readers look for, and signals apart', () => {
  const names = ['train_loss', 'learning_rate', 'val_f1_macro', 'val_accuracy', 'grad_norm', 'val_loss', 'val_accuracy'];
  expect(groupMetrics(names, 'val_f1_macro')).toEqual({
    own: ['val_f1_macro', 'val_loss', 'val_accuracy', 'train_loss'],
    signals: ['learning_rate', 'grad_norm'],
  });
});

it('keeps the order of what it does not know, such as metrics of a script', () => {
  expect(groupMetrics(['energy', 'b', 'a'], 'b').own).toEqual(['b', 'energy', 'a']);
  expect(groupMetrics(['', 'a'], '').own).toEqual(['a']);
});

it('reads members and leaves own curves alone', () => {
  expect(readMember('val_loss@r2f13')).toEqual({ metric: 'val_loss', repeat: 2, fold: 13 });
  expect([readMember('val_loss'), readMember('mail@home'), readMember('@r1f1')]).toEqual([null, null, null]);
});

it('writes a kind as words', () => expect(wordsOf('dead_relus')).toBe('dead relus'));

it('tells own curves from those of members and of the machine', () => {
  expect(['bleu', 'val_loss@r2f13', 'system/gpu0_percent', 'mail@home'].map(isOwnMetric)).toEqual([true, false, false, true]);
});
