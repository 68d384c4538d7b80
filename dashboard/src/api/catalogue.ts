/** What studies can name: data sets, models, samplers; and who runs them: workers. */
import { client, unwrap } from './client';
import type { Dataset, Model, Samplers, Worker } from './types';

export const listDatasets = async (): Promise<readonly Dataset[]> => (await unwrap(client.GET('/api/v1/datasets'))).items;

export const listModels = async (): Promise<readonly Model[]> => (await unwrap(client.GET('/api/v1/models'))).items;

export const listSamplers = (): Promise<Samplers> => unwrap(client.GET('/api/v1/samplers'));

export const listWorkers = async (): Promise<readonly Worker[]> => (await unwrap(client.GET('/api/v1/workers'))).items;
