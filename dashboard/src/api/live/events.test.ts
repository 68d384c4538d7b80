import { describe, expect, it } from 'vitest';
import { decodeEvents } from './events';

const message = (event: string, data: unknown) => ({ id: '1', event, data: JSON.stringify(data) });

describe('decodeEvents', () => {
  it('reads the metrics of several trials, non-finite values included', () => {
    const trial = (id: number, value: unknown) => ({
      study_id: 1, trial_id: id, number: id - 1, step: 2, n_steps: 20, points: [['loss', 2, value]],
    });
    const events = decodeEvents(message('metrics', { trials: [trial(7, 0.5), trial(8, 'NaN')] }));
    expect(events).toEqual([
      { kind: 'metrics', studyId: 1, trialId: 7, number: 6, step: 2, nSteps: 20, points: [['loss', 2, 0.5]] },
      { kind: 'metrics', studyId: 1, trialId: 8, number: 7, step: 2, nSteps: 20, points: [['loss', 2, NaN]] },
    ]);
  });

  it('reads the metrics of a lone trial', () => {
    const data = { study_id: 1, trial_id: 7, number: 6, step: null, n_steps: null, points: [['loss', 0, '-Infinity']] };
    expect(decodeEvents(message('metrics', data))).toEqual([
      { kind: 'metrics', studyId: 1, trialId: 7, number: 6, step: null, nSteps: null, points: [['loss', 0, -Infinity]] },
    ]);
  });

  it('reads a trial that has no value yet', () => {
    const data = { study_id: 1, trial_id: 7, number: 6, state: 'RUNNING', value: null, step: null, n_steps: 20 };
    expect(decodeEvents(message('trial', data))).toEqual([
      { kind: 'trial', studyId: 1, trialId: 7, number: 6, state: 'RUNNING', phase: 'RUNNING', value: null, step: null, nSteps: 20, isConfirmation: false },
    ]);
    const paused = decodeEvents(message('trial', { ...data, state: 'WAITING', phase: 'PAUSED' }));
    expect(paused).toMatchObject([{ state: 'WAITING', phase: 'PAUSED' }]);
    expect(decodeEvents(message('trial', { ...data, confirms: 2 }))).toMatchObject([{ kind: 'trial', isConfirmation: true }]);
  });

  it('reads an evaluation', () => {
    const data = { study_id: 1, evaluation_id: 4, kind: 'test', state: 'RUNNING', n_done: 1, n_total: 3 };
    expect(decodeEvents(message('evaluation', data))).toEqual([{ kind: 'evaluation', studyId: 1, evaluationId: 4 }]);
  });

  it('reads what became of a data set', () => {
    const data = { dataset_id: 'own@2', name: 'own', version: 2, state: 'ready' };
    expect(decodeEvents(message('dataset', data))).toEqual([{ kind: 'dataset', name: 'own' }]);
  });

  it('ignores what it does not know, and broken data', () => {
    expect(decodeEvents(message('hello', { cursor: '3' }))).toEqual([]);
    expect(decodeEvents(message('toString', {}))).toEqual([]);
    expect(decodeEvents({ id: '', event: 'trial', data: '{' })).toEqual([]);
    expect(decodeEvents({ id: '', event: 'trial', data: '7' })).toEqual([]);
  });
});
