/** The one way to the server: adds the token, asks for one at 401, turns refusals into `ProblemError`. */
import createClient from 'openapi-fetch';
import { ProblemError, type Problem } from '$lib/problem';
import type { paths } from './schema';
import { session } from './session.svelte';

const AWAY: Problem = {
  code: 'server_away',
  message: 'The server does not answer.',
  field: null,
  hint: 'Check that it is still running and that this machine can reach it, then try again.',
};

/** Fetch with the reader's token; at 401 ask for one and try again, until it is right or the reader declines. */
export async function authorisedFetch(request: Request): Promise<Response> {
  for (;;) {
    const attempt = request.clone();
    const token = session.token;
    if (token !== null) attempt.headers.set('Authorization', `Bearer ${token}`);
    const response = await fetch(attempt).catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
      throw new ProblemError(AWAY, 0);
    });
    if (response.status !== 401) return response;
    // Another request may have brought a new token while this one was under way.
    if (session.token === token && (await session.ask()) === null) return response;
  }
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
