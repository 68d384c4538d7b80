import { expect, test } from 'vitest';
import type { Study, Trial } from '$api/types';
import { cellOf, shownColumns, tableColumns, toggleColumn, togglePin, type Arrangement } from './tablecolumns';

const STUDY = {
  spec: { objectives: [{ metric: 'acc', direction: 'maximize' }, { metric: 'size', direction: 'minimize' }], search_space: { lr: {}, 'act': {} } },
} as unknown as Study;
const TRIAL = {
  number: 3,
  state: 'COMPLETE',
  phase: 'COMPLETE',
  tags: ['paper', 'v1'],
  value: null,
  values: { acc: NaN, size: 10, loss: 0.5 },
  params: { lr: 0.1, 'layers.length': 2, 'layers.1': 8, 'layers.2': 4 },
  findings: ['overfitting', 'slow'],
  duration_s: 4,
  note: 'mine',
} as unknown as Trial;
const PLAIN: Arrangement = { extra: [], hidden: [], pinned: [] };
const all = tableColumns(STUDY, ['size', 'loss', 'acc'], false);
const keys = (arrangement: Arrangement): string[] => shownColumns(all, arrangement).map(({ key }) => key);
const column = (key: string): (typeof all)[number] => {
  const found = all.find((one) => one.key === key);
  if (!found) throw new Error(`no column ${key}`);
  return found;
};

test('objectives and parameters are shown, other metrics are there for the asking', () => {
  expect(keys(PLAIN)).toEqual(['state', 'value', 'metric.size', 'findings', 'param.lr', 'param.act', 'step', 'duration', 'started']);
  expect(column('value').label).toBe('acc');
  expect(keys({ ...PLAIN, extra: ['metric.loss'] })).toContain('metric.loss');
  expect(shownColumns(tableColumns(STUDY, [], true), PLAIN).map(({ key }) => key)).toContain('tags');
});

test('a column is shown, hidden and shown again', () => {
  const hidden = toggleColumn(column('param.lr'), PLAIN);
  expect(keys(hidden)).not.toContain('param.lr');
  expect(toggleColumn(column('param.lr'), hidden)).toEqual(PLAIN);
  expect(toggleColumn(column('metric.loss'), PLAIN).extra).toEqual(['metric.loss']);
});

test('pinned columns stand in front', () => {
  expect(keys(togglePin('started', PLAIN))[0]).toBe('started');
  expect(togglePin('started', togglePin('started', PLAIN))).toEqual(PLAIN);
});

test('a cell holds the value itself', () => {
  const cell = (key: string): unknown => cellOf(TRIAL, column(key), 'acc');
  expect(cell('value')).toBeNaN();
  expect([cell('metric.size'), cell('param.lr'), cell('findings'), cell('duration'), cell('note'), cell('state')]).toEqual([10, 0.1, 'overfitting slow', 4, 'mine', 'COMPLETE']);
  expect(cell('param.act')).toBeNull();
  expect(cell('tags')).toBe('paper v1');
});
