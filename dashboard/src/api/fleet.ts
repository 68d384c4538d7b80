/** Workers, queues, and the tokens that let machines join. */
import { client, unwrap } from './client';
import type { components } from './schema';
import type { Worker } from './types';

type Schemas = components['schemas'];
export type Machine = Schemas['MachineReading'];
export type Gpu = Schemas['GpuReading'];
export type WorkerRun = Schemas['WorkerRun'];
export type Queue = Schemas['QueueRead'];
export type Session = Schemas['SessionRead'];
export type NewToken = Schemas['TokenCreated'];

export const listQueues = async (): Promise<readonly Queue[]> => (await unwrap(client.GET('/api/v1/queues'))).items;

export function drainWorker(workerId: number): Promise<Worker> {
  return unwrap(client.POST('/api/v1/workers/{worker_id}:drain', { params: { path: { worker_id: workerId } } }));
}

export function undrainWorker(workerId: number): Promise<Worker> {
  return unwrap(client.POST('/api/v1/workers/{worker_id}:undrain', { params: { path: { worker_id: workerId } } }));
}

export const getSession = (): Promise<Session> => unwrap(client.GET('/api/v1/session'));

/** Make a token with which one machine can join. Effects: stored on the server until it expires or is revoked. */
export function createWorkerToken(name: string, expiresInS: number | null): Promise<NewToken> {
  return unwrap(client.POST('/api/v1/tokens', { body: { name, role: 'worker', expires_in_s: expiresInS } }));
}

export async function revokeToken(tokenId: number): Promise<void> {
  await unwrap(client.POST('/api/v1/tokens/{token_id}:revoke', { params: { path: { token_id: tokenId } } }));
}
