/** Files to download. The browser's cookie goes along with a plain link, which streams straight to disk. */
import { ProblemError } from '$lib/problem';
import { authorisedFetch } from './client';

export const codeUrl = (sha256: string): string => `/api/v1/code/${sha256}/content`;
export const artifactUrl = (artifactId: number): string => `/api/v1/artifacts/${artifactId}/content`;

export const exportUrl = (study: string, format: 'csv' | 'json'): string =>
  `/api/v1/studies/${encodeURIComponent(study)}/export?format=${format}`;

export const logUrl = (trialId: number): string => `/api/v1/trials/${trialId}/log`;

/** Fetch a file to look at it. Raises: ProblemError. */
export async function fetchFile(url: string, name: string): Promise<Blob> {
  const response = await authorisedFetch(new Request(new URL(url, window.location.origin)));
  if (!response.ok) {
    const message = `“${name}” could not be read: the server answered ${response.status}.`;
    throw new ProblemError({ code: `http_${response.status}`, message, field: null, hint: null }, response.status);
  }
  return response.blob();
}
