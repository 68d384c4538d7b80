/** Reads and writes of single trials: details, metrics, log, artifacts. */
import { client, unwrap } from './client';
import { readNumber, readNumbers } from './numbers';
import { readTrial } from './studies';
import type { Artifact, LogLine, Series, Trial, TrialDetail } from './types';

export interface MetricSeries extends Series {
  readonly name: string;
  readonly latest: number | null;
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

export async function getMetrics(trialId: number, maxPoints: number): Promise<MetricSeries[]> {
  const read = await unwrap(
    client.GET('/api/v1/trials/{trial_id}/metrics', {
      params: { path: { trial_id: trialId }, query: { max_points: maxPoints } },
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

export function stopTrial(trialId: number): Promise<Trial> {
  return unwrap(client.POST('/api/v1/trials/{trial_id}:stop', { params: { path: { trial_id: trialId } } }));
}
