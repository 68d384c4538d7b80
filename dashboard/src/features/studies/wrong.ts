/** The server's words about a field of the form. Pure. */
import type { Problem } from '$lib/problem';

/** Whether a refusal is about the field at `path` or a part of it. */
export const isAbout = (problem: Problem | null, path: string): boolean =>
  problem?.field !== undefined && problem.field !== null && (problem.field === path || problem.field.startsWith(`${path}.`));

/** What a refusal says about the field at `path`, with what would be accepted; null where it speaks of something else. */
export const wrongAt = (problem: Problem | null, path: string): string | null =>
  problem && isAbout(problem, path) ? [problem.message, problem.hint].filter(Boolean).join(' – ') : null;
