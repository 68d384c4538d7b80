/** Reads and writes of single trials: details, metrics, log, artifacts. */
import { client, unwrap } from './client';
import { readNumber, readNumbers } from './numbers';
import { readTrial } from './studies';
import { isObject, readCounts } from './counts';
import type { Artifact, LogLine, Series, Trial, TrialDetail } from './types';

export interface MetricSeries extends Series {
  readonly name: string;
  readonly latest: number | null;
}

export interface Confusion {
  /** `val` or `test`. */
  readonly part: string;
  readonly counts: readonly (readonly number[])[];
}

export interface LogPage {
  readonly lines: readonly LogLine[];
  /** Where later lines start. */
  readonly nextCursor: string;
}

export async function getTrial(study: string, number: number): Promise<TrialDetail> {
  const path = { study, number };
  return readTrial(await unwrap(client.GET('/api/v1/studies/{study}/trials/{number}', { params: { path } })));
}

/** Read a trial's curves, with those of its repeats and folds (`val_loss@r2f1`) where `members`. */
export async function getMetrics(trialId: number, maxPoints: number, members: boolean): Promise<MetricSeries[]> {
  const read = await unwrap(
    client.GET('/api/v1/trials/{trial_id}/metrics', {
      params: { path: { trial_id: trialId }, query: { max_points: maxPoints, members } },
    }),
  );
  return read.series.map((series) => ({
    name: series.name,
    steps: series.steps,
    values: readNumbers(series.values),
    latest: series.latest_value === null ? null : readNumber(series.latest_value),
  }));
}

export async function getLogs(trialId: number, cursor: string | null, limit = 500): Promise<LogPage> {
  const query = { limit, ...(cursor ? { cursor } : {}) };
  const page = await unwrap(client.GET('/api/v1/trials/{trial_id}/logs', { params: { path: { trial_id: trialId }, query } }));
  return { lines: page.items, nextCursor: page.next_cursor };
}

export async function listArtifacts(trialId: number): Promise<readonly Artifact[]> {
  return (await unwrap(client.GET('/api/v1/trials/{trial_id}/artifacts', { params: { path: { trial_id: trialId } } }))).items;
}

/** Read a confusion matrix that a trial stored: a row a true class, a column a predicted one. Raises: ProblemError. */
export async function getConfusion(artifactId: number): Promise<Confusion> {
  const answer = client.GET('/api/v1/artifacts/{artifact_id}/content', {
    params: { path: { artifact_id: artifactId } },
    parseAs: 'json',
  });
  const read: unknown = await unwrap<unknown>(answer);
  const counts = isObject(read) ? readCounts(read.counts) : null;
  if (!isObject(read) || counts === null) throw new Error('The stored confusion matrix is not one: it should hold rows of counts.');
  return { part: typeof read.part === 'string' ? read.part : '', counts };
}

export function stopTrial(trialId: number): Promise<Trial> {
  return unwrap(client.POST('/api/v1/trials/{trial_id}:stop', { params: { path: { trial_id: trialId } } }));
}
