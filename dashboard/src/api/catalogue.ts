/** What studies can name: models, samplers (data sets: `datasets.ts`); and who runs them: workers. */
import { client, unwrap } from './client';
import type { Model, Samplers, Worker } from './types';

export const listModels = async (): Promise<readonly Model[]> => (await unwrap(client.GET('/api/v1/models'))).items;

export const listSamplers = (): Promise<Samplers> => unwrap(client.GET('/api/v1/samplers'));

export const listWorkers = async (): Promise<readonly Worker[]> => (await unwrap(client.GET('/api/v1/workers'))).items;
