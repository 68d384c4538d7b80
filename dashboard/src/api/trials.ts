/** Reads and writes of single trials: details, metrics, log, artifacts. */
import { client, unwrap } from './client';
import { readNumber, readNumbers } from './numbers';
import { readTrial } from './studies';
import { isObject, readCounts } from './counts';
import type { Artifact, LogLine, Series, Trial, TrialDetail, TrialEnvironment } from './types';

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
export function getMetrics(trialId: number, maxPoints: number, members: boolean): Promise<MetricSeries[]> {
  return readMetrics(trialId, { max_points: maxPoints, members });
}

/** Read what a trial took of its machine: curves such as `system/process_cpu_percent`, over seconds since 1970. */
export function getUsage(trialId: number, maxPoints: number): Promise<MetricSeries[]> {
  return readMetrics(trialId, { max_points: maxPoints, system: true });
}

async function readMetrics(trialId: number, query: { max_points: number; members?: boolean; system?: boolean }): Promise<MetricSeries[]> {
  const read = await unwrap(client.GET('/api/v1/trials/{trial_id}/metrics', { params: { path: { trial_id: trialId }, query } }));
  return read.series.map((series) => ({
    name: series.name,
    steps: series.steps,
    values: readNumbers(series.values),
    latest: series.latest_value === null ? null : readNumber(series.latest_value),
  }));
}

/** Read lines after the cursor; only those that contain `wanted`, whatever the case of letters, unless it is empty. */
export async function getLogs(trialId: number, cursor: string | null, limit = 500, wanted = ''): Promise<LogPage> {
  const query = { limit, ...(cursor ? { cursor } : {}), ...(wanted ? { q: wanted } : {}) };
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

/** Give a trial these tags instead of those it has. Raises: ProblemError. */
export function setTags(trialId: number, tags: readonly string[]): Promise<Trial> {
  const params = { path: { trial_id: trialId } };
  return unwrap(client.PATCH('/api/v1/trials/{trial_id}', { params, body: { tags: [...tags] } }));
}

export function stopTrial(trialId: number): Promise<Trial> {
  return unwrap(client.POST('/api/v1/trials/{trial_id}:stop', { params: { path: { trial_id: trialId } } }));
}

/** Run a trial that failed, was pruned or stopped once more, as a new trial with its parameters and its seed. */
export function retryTrial(trialId: number): Promise<Trial> {
  return unwrap(client.POST('/api/v1/trials/{trial_id}:retry', { params: { path: { trial_id: trialId } } }));
}

/** Run a trial's parameters again from other seeds, as `n` new trials. */
export async function repeatTrial(trialId: number, n: number): Promise<readonly Trial[]> {
  const body = { n, note: '' };
  return (await unwrap(client.POST('/api/v1/trials/{trial_id}:repeat', { params: { path: { trial_id: trialId } }, body }))).items;
}

/** Read where a trial's attempts ran, the latest place in front. */
export async function getEnvironments(trialId: number): Promise<readonly TrialEnvironment[]> {
  return (await unwrap(client.GET('/api/v1/trials/{trial_id}/environment', { params: { path: { trial_id: trialId } } }))).items;
}
