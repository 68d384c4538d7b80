/** Who uses a data set, in words. Pure. */
import { formatCount } from '$lib/format';

interface Used {
  readonly n_studies: number;
  readonly studies: readonly { readonly name: string; readonly state: string }[];
}

const LIVE = new Set(['RUNNING', 'PAUSED', 'STOPPING']);
const MOST_NAMED = 5;

/** Say what deleting a data set would meet: studies that need it still, and those that have ended. */
export function usersOf({ n_studies, studies }: Used): string {
  if (n_studies === 0) return 'No study uses it.';
  const live = studies.filter(({ state }) => LIVE.has(state)).map(({ name }) => name);
  const all = n_studies === 1 ? '1 study uses it' : `${formatCount(n_studies)} studies use it`;
  if (live.length === 0) return `${all}. ${n_studies === 1 ? 'It has' : 'They have'} ended and ${n_studies === 1 ? 'keeps its' : 'keep their'} results.`;
  const named = live.slice(0, MOST_NAMED).join(', ') + (live.length > MOST_NAMED ? ` and ${live.length - MOST_NAMED} more` : '');
  return `${all}. Not over yet: ${named}. Stop ${live.length === 1 ? 'it' : 'them'} first.`;
}
