/** What a study's finished trials say: importance, interactions, regret. */
import { client, unwrap } from './client';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Importance = Schemas['ImportanceRead'];
export type Interactions = Schemas['InteractionsRead'];
export type Regret = Schemas['RegretRead'];
export type Share = Schemas['ShareRead'];
export type PairShare = Schemas['PairRead'];

const pathOf = (studyId: number): { path: { study: string } } => ({ path: { study: String(studyId) } });

export function getImportance(studyId: number): Promise<Importance> {
  return unwrap(client.GET('/api/v1/studies/{study}/importance', { params: pathOf(studyId) }));
}

export function getInteractions(studyId: number): Promise<Interactions> {
  return unwrap(client.GET('/api/v1/studies/{study}/interactions', { params: pathOf(studyId) }));
}

/** Start the job that finds interactions, unless there is nothing new to find. */
export function startInteractions(studyId: number): Promise<Interactions> {
  return unwrap(client.POST('/api/v1/studies/{study}/interactions', { params: pathOf(studyId) }));
}

export function getRegret(studyId: number): Promise<Regret> {
  return unwrap(client.GET('/api/v1/studies/{study}/regret', { params: pathOf(studyId) }));
}
