/** Advice on a study, and what it asks workers to measure besides trials: test, baselines, ensemble. */
import { client, unwrap } from './client';
import type { Advice, Evaluation, EvaluationCreate } from './types';

export async function listAdvice(study: string | number): Promise<readonly Advice[]> {
  const path = { study: String(study) };
  return (await unwrap(client.GET('/api/v1/studies/{study}/advice', { params: { path } }))).items;
}

/** Newest first. */
export async function listEvaluations(study: string | number): Promise<readonly Evaluation[]> {
  const path = { study: String(study) };
  return (await unwrap(client.GET('/api/v1/studies/{study}/evaluations', { params: { path } }))).items;
}

/** Ask for one; what was asked for before is answered as it is. */
export function requestEvaluation(study: string | number, body: EvaluationCreate): Promise<Evaluation> {
  return unwrap(client.POST('/api/v1/studies/{study}/evaluations', { params: { path: { study: String(study) } }, body }));
}
