/** The server's words about a field of the form. Pure. */
import type { Problem } from '$lib/problem';

const about = (problems: readonly Problem[], path: string): readonly Problem[] =>
  problems.filter(({ field }) => field !== null && (field === path || field.startsWith(`${path}.`)));

/** Whether a refusal is about the field at `path` or a part of it. */
export const isAbout = (problems: readonly Problem[], path: string): boolean => about(problems, path).length > 0;

/** What refusals say about the field at `path`, with what would be accepted; null where they speak of something else. */
export function wrongAt(problems: readonly Problem[], path: string): string | null {
  const said = about(problems, path).map(({ message, hint }) => [message, hint].filter(Boolean).join(' – '));
  return said.length > 0 ? said.join(' ') : null;
}
