/** Trials of any studies beside each other, with the curves of one metric: one request. */
import { client, unwrap } from './client';
import { readNumbers } from './numbers';
import type { components } from './schema';
import { readTrial } from './studies';
import type { Series, TrialDetail } from './types';

type Schemas = components['schemas'];
export type ComparedStudy = Schemas['ComparedStudy'];
export type ComparedPlace = Schemas['ComparedPlace'];

export interface ComparedTrial {
  /** STUDY:NUMBER, as it was asked for. */
  readonly ref: string;
  readonly trial: TrialDetail;
  /** Of its place; null before it ran. */
  readonly worker_id: number | null;
  readonly curve: Series | null;
}

export interface Comparison {
  readonly metric: string | null;
  readonly metrics: readonly string[];
  readonly studies: readonly ComparedStudy[];
  readonly places: readonly ComparedPlace[];
  readonly trials: readonly ComparedTrial[];
  /** Asked for, and not there. */
  readonly missing: readonly string[];
}

export async function compareTrials(refs: readonly string[], metric: string | null, maxPoints: number): Promise<Comparison> {
  const query = { trials: [...refs], max_points: maxPoints, ...(metric === null ? {} : { metric }) };
  const read = await unwrap(client.GET('/api/v1/compare', { params: { query } }));
  return {
    ...read,
    trials: read.trials.map(({ curve, trial, ...rest }) => ({
      ...rest,
      trial: readTrial(trial),
      curve: curve === null ? null : { steps: curve.steps, values: readNumbers(curve.values) },
    })),
  };
}
