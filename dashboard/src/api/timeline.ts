/** Attempts of a study over its workers, and how the values of a study's trials are spread. */
import { client, unwrap } from './client';
import type { components } from './schema';

type Schemas = components['schemas'];
export type DistributionRead = Schemas['DistributionRead'];

/** One attempt; times are seconds since 1970 by the server's clock. */
export interface AttemptRow {
  readonly attemptId: number;
  /** Of the trial. */
  readonly number: number;
  readonly attemptNo: number;
  readonly state: string;
  readonly reason: string;
  /** Null where the worker was forgotten. */
  readonly workerId: number | null;
  readonly workerName: string;
  readonly slot: number | null;
  readonly start_s: number;
  /** Null while it runs. */
  readonly end_s: number | null;
}

export interface Attempts {
  /** The server's clock when it answered. */
  readonly now_s: number;
  /** Of the whole study. */
  readonly nAttempts: number;
  /** Whether there are more that came before. */
  readonly hasEarlier: boolean;
  /** In the order in which they began. */
  readonly rows: readonly AttemptRow[];
}

/** Read a study's newest attempts. */
export async function getAttempts(studyId: number, limit: number): Promise<Attempts> {
  const read = await unwrap(client.GET('/api/v1/studies/{study}/attempts', { params: { path: { study: String(studyId) }, query: { limit } } }));
  return { now_s: read.now_s, nAttempts: read.n_attempts, hasEarlier: read.earlier !== null, rows: readRows(read) };
}

/** Turn columns into rows. */
export function readRows(read: Schemas['AttemptsRead']): AttemptRow[] {
  const names = new Map(read.workers.map((worker): [number | null, string] => [worker.worker_id, worker.name]));
  const at = <T>(column: readonly T[], i: number): T => column[i] as T; // the columns are equally long
  return read.attempt_ids.map((attemptId, i) => ({
    attemptId,
    number: at(read.trial_numbers, i),
    attemptNo: at(read.attempt_nos, i),
    state: at(read.states, i),
    reason: at(read.reasons, i),
    workerId: at(read.worker_ids, i),
    workerName: names.get(at(read.worker_ids, i)) ?? '',
    slot: at(read.slots, i),
    start_s: at(read.started_s, i),
    end_s: at(read.ended_s, i),
  }));
}

/** Read how the values of an objective are spread over a study's complete trials. */
export function getDistribution(study: string | number, objective: string): Promise<DistributionRead> {
  return unwrap(client.GET('/api/v1/studies/{study}/distribution', { params: { path: { study: String(study) }, query: { objective } } }));
}
