/** What went wrong, in the one shape that the server's errors have and that every view shows. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly field: string | null;
  readonly hint: string | null;
  /** The characters of the field's text that are wrong: the first one, from 0, and the one after the last. */
  readonly span?: readonly [number, number] | null;
}

/** A refusal or a failure as an exception. */
export class ProblemError extends Error {
  constructor(
    readonly problem: Problem,
    /** HTTP status, 0 where no answer came. */
    readonly status: number,
  ) {
    super(problem.message);
    this.name = 'ProblemError';
  }
}

/** Turn whatever was thrown into a problem that can be shown. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'unexpected', message, field: null, hint: null };
}
