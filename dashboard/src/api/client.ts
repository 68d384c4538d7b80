/** The one way to the server: has the reader sign in at 401, turns refusals into `ProblemError`. */
import createClient from 'openapi-fetch';
import { ProblemError, type Problem } from '$lib/problem';
import type { paths } from './schema';
import { session } from './session.svelte';

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const AWAY: Problem = {
  code: 'server_away',
  message: 'The server does not answer.',
  field: null,
  hint: 'Check that it is still running and that this machine can reach it, then try again.',
};

/** Fetch as the reader; at 401 ask for a token and try again, until it is right or the reader declines. */
export async function authorisedFetch(request: Request): Promise<Response> {
  for (let isFirst = true; ; isFirst = false) {
    const count = session.count;
    const response = await send(request.clone());
    if (isFirst && (await isCsrfTokenWrong(response))) {
      session.forgetCsrfToken();
      continue;
    }
    if (response.status !== 401) return response;
    // The reader may have signed in, in this tab or another, while this request was under way.
    if (session.count === count && !(await session.ask())) return response;
  }
}

/** Send with the browser's cookie, and what a change needs besides. */
async function send(request: Request): Promise<Response> {
  const token = SAFE.has(request.method) ? null : await session.csrfToken();
  if (token !== null) request.headers.set('X-CSRF-Token', token);
  return fetch(request).catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ProblemError(AWAY, 0);
  });
}

/** Whether the reader signed in anew since the page learnt its CSRF token. */
async function isCsrfTokenWrong(response: Response): Promise<boolean> {
  if (response.status !== 403) return false;
  const body = (await response.clone().json().catch(() => null)) as { error?: { code?: string } } | null;
  return body?.error?.code === 'csrf_token_wrong';
}

export const client = createClient<paths>({ baseUrl: window.location.origin, fetch: authorisedFetch });

interface Answer<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** Take the data out of an answer. Raises: ProblemError with the server's words. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (error !== undefined || !response.ok) throw new ProblemError(problemOf(error, response), response.status);
  return data as T;
}

function problemOf(error: unknown, response: Response): Problem {
  if (typeof error === 'object' && error !== null && 'error' in error) {
    const detail = (error as { error: Partial<Problem> }).error;
    if (typeof detail === 'object' && typeof detail.message === 'string') {
      return { code: detail.code ?? '', message: detail.message, field: detail.field ?? null, hint: detail.hint ?? null, span: detail.span ?? null };
    }
  }
  const message = `The server answered ${response.status} ${response.statusText}`.trim() + '.';
  return { code: `http_${response.status}`, message, field: null, hint: 'The server’s log says more.' };
}
