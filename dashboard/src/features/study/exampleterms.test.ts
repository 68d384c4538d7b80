import { describe, expect, it } from 'vitest';
import type { Study } from '$api/types';
import { exampleTerms } from './exampleterms';

const study = (direction: string, best: { values: Record<string, number>; params: Record<string, unknown> } | null): Study =>
  ({ spec: { objectives: [{ metric: 'val_loss', direction }] }, best_trial: best }) as unknown as Study;

describe('exampleTerms', () => {
  it('takes metric, direction and a parameter from the study', () => {
    expect(exampleTerms(study('minimize', { values: { val_loss: 0.1234 }, params: { activation: 'relu' } }))).toBe(
      'state:complete val_loss<0.12 activation=relu',
    );
    expect(exampleTerms(study('maximize', { values: { val_loss: 0.98 }, params: { layers: 3 } }))).toBe('state:complete val_loss>0.98 layers=3');
  });

  it('has an example before anything is known', () => {
    expect(exampleTerms(study('maximize', null))).toBe('state:complete val_loss>0.9 note~text');
  });
});
