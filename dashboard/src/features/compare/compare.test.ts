import { describe, expect, it } from 'vitest';
import type { ComparedPlace, ComparedTrial, Comparison } from '$api/compare';
import type { TrialDetail } from '$api/types';
import { trialRef } from '$lib/route';
import { environmentRows, labelOf, metricRows, paramRows, parseRefs, runRows, toTable } from './compare';

const trial = (number: number, change: Partial<TrialDetail>): ComparedTrial => ({
  ref: `a:${number}`,
  trial: { trial_id: number, study_id: 1, study_name: 'a', number, state: 'COMPLETE', params: {}, values: {}, attempts: [], source: 'sampler', step: 3, duration_s: 61, ...change } as unknown as TrialDetail,
  worker_id: number === 2 ? null : number,
  curve: null,
});

const place = (worker_id: number, host: string, packages: Record<string, string>): ComparedPlace => ({
  worker_id,
  worker_name: 'w',
  host,
  worker_version: '0.1.0',
  environment: { commit: '0123456789abcdef', is_dirty: worker_id === 1, cpu: '', gpus: [], memory_bytes: null, n_cpus: 2, packages, packages_sha256: null, platform: 'Linux', python: '3.11.9', torch: null },
});

const comparison: Comparison = {
  metric: 'val_loss',
  metrics: [],
  studies: [
    { study_id: 1, name: 'a', dataset: 'digits', model: 'mlp', sampler: 'random', fixed: { epochs: 20, batch_size: 64 }, objectives: [{ metric: 'score', direction: 'maximize' }] },
  ],
  trials: [
    trial(0, { params: { learning_rate: 0.1, batch_size: 32 }, values: { val_loss: 0.5, score: 1, odd: 1 } }),
    trial(1, { params: { learning_rate: 0.01 }, values: { val_loss: 0.25, score: NaN, odd: 2 } }),
    trial(2, { params: { learning_rate: 0.01 }, values: { score: 3 } }),
  ],
  places: [place(0, 'one', { numpy: '2.3.1', torch: '2.13.0' }), place(1, 'two', { numpy: '2.3.2', torch: '2.13.0' })],
  missing: [],
};

describe('parseRefs', () => {
  it('takes each trial once and leaves out what is none', () => {
    expect(parseRefs('a:1, b.c:20,a:1,nonsense,:3,a:')).toEqual(['a:1', 'b.c:20']);
    expect(parseRefs(null)).toEqual([]);
    expect(parseRefs(Array.from({ length: 60 }, (_, i) => `a:${i}`).join(','))).toHaveLength(50);
  });

  it('reads what trialRef writes, also of names with commas', () => {
    const refs = [trialRef({ study_id: 4, name: 'digits-mlp' }, 2), trialRef({ study_id: 5, name: 'my, study: two' }, 3)];
    expect(refs).toEqual(['digits-mlp:2', '5:3']);
    expect(parseRefs(refs.join(','))).toEqual(refs);
  });
});

describe('rows', () => {
  it('lets a trial’s own parameter stand before what its study fixed, and tells where all agree', () => {
    const rows = new Map(paramRows(comparison).map((row) => [row.name, row]));
    expect(rows.get('batch_size')?.cells.map(({ text }) => text)).toEqual(['32', '64', '64']);
    expect([rows.get('batch_size')?.isSame, rows.get('epochs')?.isSame, rows.get('model')?.isSame]).toEqual([false, true, true]);
  });

  it('marks the best by its direction, never NaN, and nothing where the direction is unknown', () => {
    const rows = metricRows(comparison, new Map([['val_loss', 'minimize']]));
    expect(rows.map(({ name, cells }) => [name, ...cells.map(({ isBest }) => isBest)])).toEqual([
      ['score', false, false, true],
      ['val_loss', false, true, false],
      ['odd', false, false, false],
    ]);
    expect(rows[0]?.cells[1]?.text).toBe('NaN');
    expect(rows[1]?.cells[2]?.text).toBe('–');
  });

  it('tells where trials ran', () => {
    const rows = new Map(environmentRows(comparison).map((row) => [row.name, row.cells.map(({ text }) => text)]));
    expect(rows.get('host')).toEqual(['one', 'two', '–']);
    expect(rows.get('git commit')).toEqual(['0123456789', '0123456789, with changes', '–']);
    expect(rows.get('package numpy')).toEqual(['2.3.1', '2.3.2', '–']);
    expect(runRows(comparison).find(({ name }) => name === 'duration')?.cells[0]?.text).toBe('1 min 01 s');
  });

  it('names a package only where versions differ', () => {
    const two = { ...comparison, trials: comparison.trials.slice(0, 2) };
    const names = environmentRows(two).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('package'))).toEqual(['package numpy']);
  });

  it('are downloaded with a row a trial', () => {
    const table = toTable(comparison.trials, metricRows(comparison, new Map()));
    expect(table.names).toEqual(['study', 'trial', 'score', 'val_loss', 'odd']);
    expect(table.rows[2]).toEqual(['a', 2, 3, undefined, undefined]);
  });
});

it('names trials of several studies by both', () => {
  const [first] = comparison.trials;
  expect(first && [labelOf(first, 1), labelOf(first, 2)]).toEqual(['Trial 0', 'a #0']);
});
