/** Addresses of the views, both ways: path to route and route to path. Pure; `router.svelte.ts` holds the live one. */

export type Route =
  | { readonly view: 'studies' }
  | { readonly view: 'new-study' }
  | { readonly view: 'study'; readonly study: string }
  | { readonly view: 'edit-study'; readonly study: string }
  | { readonly view: 'trial'; readonly study: string; readonly number: number }
  | { readonly view: 'compare' }
  | { readonly view: 'workers' }
  | { readonly view: 'datasets' }
  | { readonly view: 'dataset'; readonly dataset: string }
  | { readonly view: 'upload' }
  | { readonly view: 'unknown'; readonly path: string };

/** Find the view that a path shows. Studies live under `/studies/NAME`, so the form stands apart at `/new`; likewise `/upload`. */
export function matchRoute(path: string): Route {
  const [head, name, ...rest] = path.split('/').filter(Boolean).map(decode);
  if (name === undefined) return matchHead(head, path);
  if (head === 'datasets' && rest.length === 0) return { view: 'dataset', dataset: name };
  return head === 'studies' ? matchStudy(name, rest, path) : { view: 'unknown', path };
}

function matchStudy(study: string, [section, number, ...rest]: readonly string[], path: string): Route {
  if (section === undefined) return { view: 'study', study };
  if (section === 'edit' && number === undefined) return { view: 'edit-study', study };
  if (section === 'trials' && number !== undefined && /^\d{1,15}$/.test(number) && rest.length === 0) {
    return { view: 'trial', study, number: Number(number) };
  }
  return { view: 'unknown', path };
}

function matchHead(head: string | undefined, path: string): Route {
  if (head === undefined || head === 'studies') return { view: 'studies' };
  if (head === 'new') return { view: 'new-study' };
  if (head === 'compare' || head === 'workers' || head === 'datasets' || head === 'upload') return { view: head };
  return { view: 'unknown', path };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray % is no reason to show nothing
  }
}

export const studyPath = (study: string): string => `/studies/${encodeURIComponent(study)}`;
export const editPath = (study: string): string => `${studyPath(study)}/edit`;

/** How a trial is named in a list of trials. Names that scripts of Optuna's gave may hold signs that part trials: then the id. */
export const trialRef = (study: { readonly study_id: number; readonly name: string }, number: number): string =>
  `${/^[\w.-]+$/.test(study.name) ? study.name : study.study_id}:${number}`;

/** The page that shows trials beside each other: `refs` are `STUDY:NUMBER`. */
export const comparePath = (refs: readonly string[]): string => `/compare${withQuery('', { trials: refs.join(',') })}`;
export const trialPath = (study: string, number: number): string => `${studyPath(study)}/trials/${number}`;

/** Change some parameters of a query string; `null` and '' remove one. The result starts with `?` or is empty. */
export function withQuery(search: string, changes: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(key);
    else query.set(key, value);
  }
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return text === '' ? '' : `?${text}`;
}
