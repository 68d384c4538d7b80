/** Data sets: reading them, and bringing one's own in pieces. */
import { ProblemError } from '$lib/problem';
import { authorisedFetch, client, unwrap } from './client';
import type { components } from './schema';
import type { BuildOptions, Dataset, DatasetDetail, DatasetPreview, DatasetVersion } from './types';

type Schemas = components['schemas'];
export type Upload = Schemas['UploadRead'];
export type UploadCreate = Omit<Schemas['UploadCreate'], 'options'> & { readonly options: BuildOptions };

const written = ({ image_size: size, ...rest }: BuildOptions): Schemas['BuildOptions'] => ({
  ...rest,
  image_size: size?.[0] === undefined || size[1] === undefined ? null : [size[0], size[1]],
});

export const listDatasets = async (): Promise<readonly Dataset[]> => (await unwrap(client.GET('/api/v1/datasets'))).items;

/** `version`: null for the newest that is ready. */
export function getDataset(name: string, version: number | null): Promise<DatasetDetail> {
  return unwrap(client.GET('/api/v1/datasets/{name}', { params: { path: { name }, query: version === null ? {} : { version } } }));
}

export function getDatasetPreview(name: string, version: number): Promise<DatasetPreview> {
  return unwrap(client.GET('/api/v1/datasets/{name}/preview', { params: { path: { name }, query: { version } } }));
}

/** Where the prepared arrays of a version lie. */
export const datasetUrl = (sha256: string): string => `/api/v1/datasets/content/${sha256}`;

/** Read the same bytes in another way: a new version. */
export function addVersion(name: string, from: number, options: BuildOptions): Promise<DatasetVersion> {
  return unwrap(client.POST('/api/v1/datasets/{name}/versions', { params: { path: { name } }, body: { from_version: from, options: written(options) } }));
}

export async function deleteDataset(name: string): Promise<void> {
  await unwrap(client.DELETE('/api/v1/datasets/{name}', { params: { path: { name } } }));
}

export function beginUpload(name: string, body: UploadCreate): Promise<Upload> {
  return unwrap(client.POST('/api/v1/datasets/{name}/uploads', { params: { path: { name } }, body: { ...body, options: written(body.options) } }));
}

export function getUpload(id: string): Promise<Upload> {
  return unwrap(client.GET('/api/v1/datasets/uploads/{upload_id}', { params: { path: { upload_id: id } } }));
}

export async function cancelUpload(id: string): Promise<void> {
  await unwrap(client.DELETE('/api/v1/datasets/uploads/{upload_id}', { params: { path: { upload_id: id } } }));
}

export function finishUpload(id: string): Promise<DatasetVersion> {
  return unwrap(client.POST('/api/v1/datasets/uploads/{upload_id}:finish', { params: { path: { upload_id: id } } }));
}

/** Send a piece that begins at `offset`. Returns how many bytes the server has. Raises: ProblemError. */
export async function sendPiece(id: string, offset: number, piece: Blob, signal: AbortSignal): Promise<number> {
  const request = new Request(new URL(`/api/v1/datasets/uploads/${encodeURIComponent(id)}`, window.location.origin), {
    method: 'PATCH',
    headers: { 'Upload-Offset': String(offset), 'Content-Type': 'application/octet-stream' },
    body: await piece.arrayBuffer(), // bytes, because a request that may be sent twice cannot be a stream
    signal,
  });
  const response = await authorisedFetch(request);
  const answer: unknown = await response.json().catch(() => null);
  const read = { response, ...(response.ok ? { data: answer as Pick<Upload, 'offset'> } : { error: answer }) };
  return (await unwrap(Promise.resolve(read))).offset;
}

/** Whether a failure may be over at the next try: the server is away or busy, or wants to go on at another offset. */
export function isPassing(error: unknown): boolean {
  return error instanceof ProblemError && (error.status === 0 || error.status === 409 || error.status === 429 || error.status >= 500);
}
