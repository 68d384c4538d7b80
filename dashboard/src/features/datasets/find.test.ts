import { describe, expect, it } from 'vitest';
import type { Dataset } from '$api/types';
import { datasetPath, findDatasets, shapeWords, studyOn } from './find';

const set = (name: string, changes: Partial<Dataset>): Dataset => ({ name, title: '', task: 'classification', kind: 'table', source: 'builtin', citation: '', ...changes }) as Dataset;
const SETS = [set('iris', { citation: 'R. A. Fisher' }), set('prices', { task: 'regression', source: 'upload', title: 'Prices of flats' })];

describe('findDatasets', () => {
  it.each([
    ['', ['iris', 'prices']],
    ['fisher', ['iris']],
    ['TABLE flats', ['prices']],
    ['built in', ['iris']],
    ['table nothing', []],
  ])('%s', (search, names) => expect(findDatasets(SETS, search).map(({ name }) => name)).toEqual(names));
});

it('leads to pages', () => {
  expect(datasetPath('a b')).toBe('/datasets/a%20b');
  expect(datasetPath('iris', 2)).toBe('/datasets/iris?version=2');
  expect(studyOn('mine', 3, 3)).toBe('/new?dataset=mine');
  expect(studyOn('mine', 2, 3)).toBe('/new?dataset=mine%402');
});

it('writes shapes', () => expect([shapeWords([3, 32, 32]), shapeWords([4])]).toEqual(['3 × 32 × 32', '4']));
