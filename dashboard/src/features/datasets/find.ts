/** Which data sets of a list a search shows, and where a page of one lies. Pure. */
import type { Dataset } from '$api/types';
import { withQuery } from '$lib/route';

/** Keep data sets that hold every word: in name, title, task, kind, source or citation. */
export function findDatasets(datasets: readonly Dataset[], search: string): readonly Dataset[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return datasets.filter(({ name, title, task, kind, source, citation }) => {
    const text = [name, title, task, kind, source, source === 'builtin' ? 'built in' : 'uploaded', citation].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** `version`: null for the newest that is ready. */
export const datasetPath = (name: string, version: number | null = null): string =>
  `/datasets/${encodeURIComponent(name)}${withQuery('', { version: version === null ? null : String(version) })}`;

/** The form of a new study on a data set: on its newest version, or on an older one. */
export const studyOn = (name: string, version: number, newest: number | null): string =>
  `/new${withQuery('', { dataset: version === newest ? name : `${name}@${version}` })}`;

/** Say what one example is made of: `1 x 28 x 28`. */
export const shapeWords = (shape: readonly number[]): string => shape.join(' × ');
