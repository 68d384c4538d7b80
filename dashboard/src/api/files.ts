/** Files to download. A plain link cannot carry a token, so where there is one the file is fetched and then saved. */
import { ProblemError } from '$lib/problem';
import { saveFile } from '$lib/save';
import { authorisedFetch } from './client';
import { session } from './session.svelte';

export const artifactUrl = (artifactId: number): string => `/api/v1/artifacts/${artifactId}/content`;

export const exportUrl = (study: string, format: 'csv' | 'json'): string =>
  `/api/v1/studies/${encodeURIComponent(study)}/export?format=${format}`;

export const logUrl = (trialId: number): string => `/api/v1/trials/${trialId}/log`;

/** Whether a plain link works, which streams straight to disk. */
export const isLinkEnough = (): boolean => session.token === null;

/** Fetch a file with the reader's token and save it. Raises: ProblemError. */
export async function download(url: string, name: string): Promise<void> {
  saveFile(await fetchFile(url, name), name);
}

/** Fetch a file with the reader's token. Raises: ProblemError. */
export async function fetchFile(url: string, name: string): Promise<Blob> {
  const response = await authorisedFetch(new Request(new URL(url, window.location.origin)));
  if (!response.ok) {
    const message = `“${name}” could not be read: the server answered ${response.status}.`;
    throw new ProblemError({ code: `http_${response.status}`, message, field: null, hint: null }, response.status);
  }
  return response.blob();
}
