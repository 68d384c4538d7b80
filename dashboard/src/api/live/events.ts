/** The server's events as typed values. Unknown kinds and broken data are ignored: a newer server may send more. */
import { readNumber } from '../numbers';
import type { StudyState, TrialPhase, TrialState } from '../types';
import type { SseMessage } from './sse';

export interface StudyEvent {
  readonly kind: 'study';
  readonly studyId: number;
  readonly name: string;
  readonly state: StudyState;
}

export interface TrialEvent {
  readonly kind: 'trial';
  readonly studyId: number;
  readonly trialId: number;
  readonly number: number;
  readonly state: TrialState;
  readonly phase: TrialPhase;
  readonly value: number | null;
  readonly step: number | null;
  readonly nSteps: number | null;
  /** Whether the trial trains an earlier one again, from another seed. */
  readonly isConfirmation: boolean;
}

/** One new point: metric name, step, value. A point is known by (trial, name, step). */
export type Point = readonly [name: string, step: number, value: number];

export interface MetricsEvent {
  readonly kind: 'metrics';
  readonly studyId: number;
  readonly trialId: number;
  readonly number: number;
  readonly step: number | null;
  readonly nSteps: number | null;
  readonly points: readonly Point[];
}

export interface LogsEvent {
  readonly kind: 'logs';
  readonly studyId: number;
  readonly trialId: number;
}

export interface WorkerEvent {
  readonly kind: 'worker';
  readonly workerId: number;
}

export interface EvaluationEvent {
  readonly kind: 'evaluation';
  readonly studyId: number;
  readonly evaluationId: number;
}

/** A version of a data set is being prepared, is ready, or has failed; or the data set is gone. */
export interface DatasetEvent {
  readonly kind: 'dataset';
  readonly name: string;
}

export type LiveEvent = StudyEvent | TrialEvent | MetricsEvent | LogsEvent | WorkerEvent | EvaluationEvent | DatasetEvent;

type Json = Readonly<Record<string, unknown>>;

/** Read one message; metrics come alone or as a list of several trials. */
export function decodeEvents(message: SseMessage): LiveEvent[] {
  const data = parseObject(message.data);
  if (data === null) return [];
  if (message.event === 'metrics') {
    const trials = Array.isArray(data.trials) ? (data.trials as Json[]) : [data];
    return trials.map(readMetrics);
  }
  const read = READERS.get(message.event);
  return read ? [read(data)] : [];
}

const READERS = new Map<string, (data: Json) => LiveEvent>(Object.entries({
  study: (data) => ({
    kind: 'study',
    studyId: Number(data.study_id),
    name: String(data.name),
    state: data.state as StudyState,
  }),
  trial: (data) => ({
    kind: 'trial',
    ...readTrialKey(data),
    state: data.state as TrialState,
    // Trials of Optuna's scripts never pause, and their events say no more than the state.
    phase: (data.phase ?? data.state) as TrialPhase,
    value: data.value === null || data.value === undefined ? null : readNumber(data.value),
    ...readProgress(data),
    isConfirmation: typeof data.confirms === 'number',
  }),
  logs: (data) => ({ kind: 'logs', studyId: Number(data.study_id), trialId: Number(data.trial_id) }),
  evaluation: (data) => ({
    kind: 'evaluation',
    studyId: Number(data.study_id),
    evaluationId: Number(data.evaluation_id),
  }),
  dataset: (data) => ({ kind: 'dataset', name: String(data.name) }),
  worker: (data) => ({ kind: 'worker', workerId: Number(data.worker_id) }),
} satisfies Record<string, (data: Json) => LiveEvent>));

function readMetrics(data: Json): MetricsEvent {
  const points = Array.isArray(data.points) ? (data.points as [string, number, unknown][]) : [];
  return {
    kind: 'metrics',
    ...readTrialKey(data),
    ...readProgress(data),
    points: points.map(([name, step, value]): Point => [name, step, readNumber(value)]),
  };
}

function readTrialKey(data: Json): { studyId: number; trialId: number; number: number } {
  return { studyId: Number(data.study_id), trialId: Number(data.trial_id), number: Number(data.number) };
}

function readProgress(data: Json): { step: number | null; nSteps: number | null } {
  return {
    step: typeof data.step === 'number' ? data.step : null,
    nSteps: typeof data.n_steps === 'number' ? data.n_steps : null,
  };
}

function parseObject(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}
