/** Reads and writes of studies. */
import type { Problem } from '$lib/problem';
import { client, unwrap } from './client';
import { readNumber, readNumbers } from './numbers';
import type { components, paths } from './schema';
import type { EditChecked, Forecast, Point, Series, Study, StudyChecked, StudyCreate, StudyEdit, StudyUpdate, Trial, TrialPhase } from './types';

type StudiesQuery = NonNullable<paths['/api/v1/studies']['get']['parameters']['query']>;
/** What studies can be ordered by. */
export type StudyOrder = NonNullable<StudiesQuery['order_by']>;
export type Archived = NonNullable<StudiesQuery['archived']>;

export interface StudyFilter {
  /** In the language of filters, e.g. `state:running best>0.97`. */
  readonly q?: string;
  /** Part of a name, of notes or of a tag. */
  readonly search?: string;
  readonly archived?: Archived;
  readonly order?: StudyOrder;
  readonly isDescending?: boolean;
  readonly cursor?: string | null;
  readonly limit?: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

type TrialsQuery = NonNullable<paths['/api/v1/studies/{study}/trials']['get']['parameters']['query']>;
/** What trials can be ordered by. */
export type TrialOrder = NonNullable<TrialsQuery['order_by']>;

export interface TrialQuery {
  readonly order: TrialOrder;
  readonly isDescending: boolean;
  readonly states: readonly TrialPhase[];
  /** Conditions such as `value>0.97 activation=relu`: docs/filters.md. */
  readonly where?: string;
  readonly cursor?: string | null;
  readonly limit?: number;
}

export interface StudyCurve extends Series {
  readonly trialId: number;
  readonly number: number;
  readonly state: string;
  /** Seconds since the trial started, a point; null where x is the step. */
  readonly times: readonly number[] | null;
  readonly forecast: Forecast | null;
}

export async function listStudies(filter: StudyFilter, signal?: AbortSignal): Promise<Page<Study>> {
  const query = {
    limit: filter.limit ?? 50,
    ...(filter.q ? { q: filter.q } : {}),
    ...(filter.search ? { search: filter.search } : {}),
    ...(filter.archived ? { archived: filter.archived } : {}),
    ...(filter.order ? { order_by: filter.order } : {}),
    ...(filter.isDescending === undefined ? {} : { descending: filter.isDescending }),
    ...(filter.cursor ? { cursor: filter.cursor } : {}),
  };
  const page = await unwrap(client.GET('/api/v1/studies', { params: { query }, ...(signal ? { signal } : {}) }));
  return { items: page.items, nextCursor: page.next_cursor };
}

export function getStudy(study: string | number): Promise<Study> {
  return unwrap(client.GET('/api/v1/studies/{study}', { params: { path: { study: String(study) } } }));
}

export function createStudy(body: StudyCreate): Promise<Study> {
  return unwrap(client.POST('/api/v1/studies', { body }));
}

const readProblem = ({ code, message, field, hint }: Pick<components['schemas']['StudyProblem'], 'code' | 'message' | 'field' | 'hint'>): Problem => ({
  code,
  message,
  field: field ?? null,
  hint: hint ?? null,
});

/** Look a study over without submitting it: YAML or JSON text, as it is typed. */
export async function checkStudy(text: string, signal: AbortSignal): Promise<StudyChecked> {
  const { problems, ...rest } = await unwrap(client.POST('/api/v1/studies:check', { body: { text }, signal }));
  return { ...rest, problems: problems.map(readProblem) };
}

/** Look a change of a study over without making it. */
export async function checkEdit(study: number, changes: StudyUpdate, signal: AbortSignal): Promise<EditChecked> {
  const body = { changes: changes as Record<string, unknown> };
  const { problems, ...rest } = await unwrap(client.POST('/api/v1/studies/{study}:check', { params: { path: { study: String(study) } }, body, signal }));
  return { ...rest, problems: problems.map(readProblem) };
}

/** How a study's space and budget were changed, oldest first. */
export async function listEdits(study: number): Promise<readonly StudyEdit[]> {
  return (await unwrap(client.GET('/api/v1/studies/{study}/edits', { params: { path: { study: String(study) } } }))).items;
}

/** Add trials to run, all of them or none; what they leave open the study's sampler chooses. */
export async function enqueuePoints(study: number, points: Point[]): Promise<readonly Trial[]> {
  const params = { path: { study: String(study) } };
  return (await unwrap(client.POST('/api/v1/studies/{study}/trials:enqueue', { params, body: { points } }))).items;
}

/** Hide a study and stop its trials; `restoreStudy` brings it back. */
export function deleteStudy(studyId: number): Promise<void> {
  return unwrap(client.DELETE('/api/v1/studies/{study}', { params: { path: { study: String(studyId) } } }));
}

/** Bring a deleted study back. By its id: the name may be another study's by now. */
export function restoreStudy(studyId: number): Promise<Study> {
  return unwrap(client.POST('/api/v1/studies/{study_id}:restore', { params: { path: { study_id: studyId } } }));
}

export function updateStudy(study: string | number, body: StudyUpdate): Promise<Study> {
  return unwrap(client.PATCH('/api/v1/studies/{study}', { params: { path: { study: String(study) } }, body }));
}

export async function listTrials(study: string, query: TrialQuery): Promise<Page<Trial>> {
  const page = await unwrap(
    client.GET('/api/v1/studies/{study}/trials', {
      params: {
        path: { study },
        query: {
          order_by: query.order,
          descending: query.isDescending,
          limit: query.limit ?? 100,
          ...(query.states.length > 0 ? { state: [...query.states] } : {}),
          ...(query.where ? { where: query.where } : {}),
          ...(query.cursor ? { cursor: query.cursor } : {}),
        },
      },
    }),
  );
  return { items: page.items.map(readTrial), nextCursor: page.next_cursor };
}

/** Give a trial's numbers back their NaN and infinities, which travel as strings. */
export function readTrial<T extends Trial>(trial: T): T {
  const values = Object.fromEntries(Object.entries(trial.values).map(([name, v]) => [name, v === null ? null : readNumber(v)]));
  return { ...trial, values };
}

export interface CurvesRequest {
  readonly metric: string;
  readonly x: 'step' | 'time';
  readonly maxTrials: number;
  /** Points of a curve, about; many curves share what one answer may hold. */
  readonly maxPoints: number;
  /** A part of the x axis; null: no bound. */
  readonly low?: number | null;
  readonly high?: number | null;
  /** These trials alone; empty or left out: the newest. */
  readonly numbers?: readonly number[];
}

export interface StudyCurves {
  readonly nTrials: number;
  /** Width of a column of the x axis that the curves were cut into; null where every point is there. */
  readonly column: number | null;
  /** Every metric that the newest trials reported. */
  readonly metrics: readonly string[];
  readonly curves: readonly StudyCurve[];
}

/** Read one metric of some trials, down-sampled by the server; each column keeps its minimum, maximum and what is no number. */
export async function getCurves(study: string | number, wanted: CurvesRequest): Promise<StudyCurves> {
  const query = {
    metric: wanted.metric,
    x: wanted.x,
    max_trials: wanted.maxTrials,
    max_points: wanted.maxPoints,
    ...(typeof wanted.low === 'number' ? { low: wanted.low } : {}),
    ...(typeof wanted.high === 'number' ? { high: wanted.high } : {}),
    ...(wanted.numbers && wanted.numbers.length > 0 ? { numbers: [...wanted.numbers] } : {}),
  };
  const read = await unwrap(client.GET('/api/v1/studies/{study}/curves', { params: { path: { study: String(study) }, query } }));
  const curves = read.curves.map((curve) => ({
    trialId: curve.trial_id,
    number: curve.number,
    state: curve.state,
    steps: curve.steps,
    values: readNumbers(curve.values),
    times: curve.times_s,
    forecast: curve.forecast,
  }));
  return { nTrials: read.n_trials, column: read.column, metrics: read.metrics, curves };
}
