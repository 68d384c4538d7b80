import { describe, expect, it } from 'vitest';
import type { Evaluation } from '$api/types';
import { compare, verdictOf } from './worth';

const evaluation = (id: number, kind: Evaluation['kind'], result: Evaluation['result'], rest: Partial<Evaluation> = {}): Evaluation => ({
  evaluation_id: id,
  study_id: 1,
  kind,
  n_members: null,
  state: result ? 'COMPLETE' : 'RUNNING',
  reason: '',
  trial_ids: [],
  result,
  n_done: null,
  n_total: null,
  note: '',
  n_attempts: 1,
  created_at: '2026-01-01T00:00:00Z',
  started_at: null,
  finished_at: null,
  ...rest,
});
const baselines = evaluation(1, 'baselines', {
  n_test: 360,
  baselines: [
    { name: 'naive_bayes', fit_s: 0.1, val_accuracy: 0.8, test_accuracy: 0.81, test_log_loss: 2 },
    { name: 'random_forest', fit_s: 0.4, val_accuracy: 0.96, test_accuracy: 0.95, test_log_loss: 0.3 },
    { name: 'broken', fit_s: 0.4, test_accuracy: 'NaN' },
  ],
});
const network = (accuracy: number) => ({ trial_id: 14, number: 4, test_accuracy: accuracy, test_log_loss: 0.1 });
const test = evaluation(2, 'test', { networks: [network(0.97)], confusion_matrix: [[1, 0], [0, 1]] });
const byAccuracy = { metric: 'val_accuracy', direction: 'maximize' } as const;
const labels = (evaluations: Evaluation[], objective: Parameters<typeof compare>[1] = byAccuracy) =>
  compare(evaluations, objective).rows.map(({ label }) => label);

describe('compare', () => {
  it('puts the best by the test metric of the objective first, and what is not a number last', () => {
    expect(labels([test, baselines])).toEqual(['Trial 4', 'random forest', 'naive bayes', 'broken']);
    const { metrics, nTest, confusion } = compare([test, baselines], byAccuracy);
    expect(metrics).toEqual(['test_accuracy', 'test_log_loss']);
    expect([nTest, confusion]).toEqual([360, [[1, 0], [0, 1]]]);
  });

  it('follows the direction of the objective', () => {
    const byLoss = { metric: 'val_log_loss', direction: 'minimize' } as const;
    expect(labels([test, baselines], byLoss)).toEqual(['Trial 4', 'random forest', 'naive bayes', 'broken']);
    expect(labels([test, baselines], { ...byLoss, direction: 'maximize' })).toEqual(['naive bayes', 'random forest', 'Trial 4', 'broken']);
  });

  it('shows a network once, however often it took part, and the ensemble beside its members', () => {
    const result = { ensemble: { test_accuracy: 0.98 }, networks: [network(0.97), { ...network(0.94), trial_id: 15, number: 5 }] };
    const ensemble = evaluation(3, 'ensemble', result, { n_members: 2 });
    expect(labels([ensemble, test])).toEqual(['Ensemble of 2', 'Trial 4', 'Trial 5']);
  });

  it('is empty while nothing has ended, and keeps the order it got where nothing fits the objective', () => {
    expect(compare([evaluation(1, 'test', null)], byAccuracy).rows).toEqual([]);
    expect(compare([baselines], { metric: 'energy', direction: 'minimize' })).toMatchObject({ ordering: null, metrics: ['test_accuracy', 'test_log_loss'] });
  });
});

describe('verdictOf', () => {
  const said = (...evaluations: Evaluation[]) => verdictOf(compare(evaluations, byAccuracy));
  const tested = (accuracy: number) => evaluation(2, 'test', { networks: [network(accuracy)] });

  it('names who is ahead, with the figures', () => {
    expect(said(tested(0.999), baselines)).toBe('The network is ahead: Trial 4 reaches 0.999 against 0.95 of random forest on 360 test examples.');
    expect(said(tested(0.9), baselines)).toBe('The baseline is ahead: random forest reaches 0.95 against 0.9 of Trial 4 on 360 test examples.');
    expect(said(tested(0.95), baselines)).toBe('No difference: Trial 4 and random forest both reach 0.95 on 360 test examples.');
  });

  it('does not call what chance may have decided', () => {
    expect(said(tested(0.97), baselines)).toBe(
      'Too close to call: Trial 4 reaches 0.97 against 0.95 of random forest on 360 test examples, and chance alone moves such a difference by 0.03.',
    );
    const byLoss = compare([tested(0.97), baselines], { metric: 'val_log_loss', direction: 'minimize' });
    expect(verdictOf(byLoss)).toBe('The network is ahead: Trial 4 reaches 0.1 against 0.3 of random forest on 360 test examples.');
  });

  it('needs both sides', () => {
    expect(said(test)).toBeNull();
    expect(said(baselines)).toBeNull();
  });
});
