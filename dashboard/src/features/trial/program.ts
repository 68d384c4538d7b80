/** Which program a study of people's own code runs, and of which code. Pure. */
import type { Study } from '$api/types';

export interface Program {
  /** Word by word, as a shell would take it; for people. */
  readonly command: string;
  readonly venv: string | null;
  /** SHA-256 of an archive that somebody brought. */
  readonly archive: string | null;
  readonly repository: { readonly address: string; readonly url: string | null; readonly commit: string; readonly subfolder: string | null } | null;
}

/** Return the program; null where workers train networks, or a script asks for trials by itself. */
export function programOf({ command, venv, source }: Study['spec']): Program | null {
  if (!command) return null;
  const said = { command: command.map(word).join(' '), venv: venv ?? null };
  return { ...said, archive: source?.archive ?? null, repository: repositoryOf(source) };
}

function repositoryOf(source: Study['spec']['source']): Program['repository'] {
  if (!source?.git) return null;
  const { git, commit, subfolder } = source;
  return { address: git, url: linkOf(git), commit: commit ?? '', subfolder: subfolder ?? null };
}

const word = (text: string): string => (/^[\w@%+=:,./{}-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** Only addresses that a browser opens as a page become links, whatever a study says. */
function linkOf(address: string): string | null {
  if (!address.startsWith('https://') || !URL.canParse(address)) return null;
  return address.replace(/\.git$/, '');
}
