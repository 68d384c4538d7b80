/** Names for the generated shapes that views use. The shapes themselves come from `openapi.json`: `npm run types`. */
import type { Problem } from '$lib/problem';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Study = Schemas['StudyRead'];
export type StudyChecked = Omit<Schemas['StudyChecked'], 'problems'> & { readonly problems: readonly Problem[] };
export type EditChecked = Omit<Schemas['EditChecked'], 'problems'> & { readonly problems: readonly Problem[] };
export type SettingChange = Schemas['SettingChange'];
export type StudyEdit = Schemas['StudyEdit'];
export type Point = Schemas['Point'];
export type StudyCreate = Schemas['StudyCreate'];
export type StudyUpdate = Schemas['StudyUpdate'];
export type StudyState = Study['state'];
export type TrialCounts = Schemas['TrialCounts'];
export type Trial = Schemas['TrialRead'];
export type TrialDetail = Schemas['TrialDetail'];
export type TrialState = Trial['state'];
/** The state, but PAUSED for a trial that waits to be promoted. */
export type TrialPhase = Trial['phase'];
export type Attempt = Schemas['AttemptRead'];
export type LogLine = Schemas['LogLine'];
export type Artifact = Schemas['ArtifactRead'];
export type TrialEnvironment = Schemas['TrialEnvironment'];
export type Worker = Schemas['WorkerRead'];
export type Dataset = Schemas['DatasetRead'];
export type DatasetPreview = Schemas['DatasetPreview'];
export type DatasetColumn = Schemas['ColumnRead'];
/** How bytes are read. Answers lose how many numbers a pair has, so here it is a list. */
export type BuildOptions = Omit<Schemas['BuildOptions'], 'image_size'> & { readonly image_size?: readonly number[] | null };
export type DatasetVersion = Omit<Schemas['DatasetVersionRead'], 'options'> & { readonly options: BuildOptions };
export type DatasetDetail = Omit<Schemas['DatasetDetail'], 'options' | 'versions'> & {
  readonly options: BuildOptions;
  readonly versions: readonly DatasetVersion[];
};
export type Model = Schemas['ModelRead'];
export type Hyperparameter = Schemas['HyperparameterRead'];
export type Samplers = Schemas['SamplerList'];
export type Finding = Schemas['Finding'];
export type Forecast = Schemas['Forecast'];
export type Advice = Schemas['AdviceRead'];
export type Evaluation = Schemas['EvaluationRead'];
export type EvaluationCreate = Schemas['EvaluationCreate'];

/** One metric of one trial as views use it: non-finite values are numbers again. */
export interface Series {
  readonly steps: readonly number[];
  readonly values: readonly number[];
}
