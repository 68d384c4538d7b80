/** The columns of the table of trials: which there are, which are shown, which stay in sight. Pure. */
import type { TrialOrder } from '$api/studies';
import type { Study, Trial } from '$api/types';
import { paramOf } from '$lib/space';

export type CellKind = 'number' | 'state' | 'value' | 'metric' | 'findings' | 'param' | 'step' | 'duration' | 'started' | 'tags' | 'text';

export interface TableColumn {
  /** Names the column in the address. */
  readonly key: string;
  readonly label: string;
  readonly kind: CellKind;
  /** Of a metric or parameter: its name. */
  readonly name: string;
  /** What the server can order by. */
  readonly order: TrialOrder | null;
  readonly isRight: boolean;
  /** Whether it is shown unless the reader says otherwise. */
  readonly isUsual: boolean;
}

const usual = (key: string, label: string, kind: CellKind, order: TrialOrder | null, isRight: boolean): TableColumn => ({ key, label, kind, name: key, order, isRight, isUsual: true });

/** All columns that a study's table can have; `metrics` are names of values that its trials have, `hasTags` says whether one has a tag. */
export function tableColumns(study: Study, metrics: readonly string[], hasTags: boolean): TableColumn[] {
  const objectives = study.spec.objectives.map(({ metric }) => metric);
  const others = metrics.filter((metric) => !objectives.includes(metric)).sort();
  const metric = (name: string, isUsual: boolean): TableColumn => ({ key: `metric.${name}`, label: name, kind: 'metric', name, order: null, isRight: true, isUsual });
  return [
    usual('state', 'State', 'state', null, false),
    usual('value', objectives[0] ?? 'value', 'value', 'value', true),
    ...objectives.slice(1).map((name) => metric(name, true)),
    usual('findings', 'Findings', 'findings', null, false),
    ...Object.keys(study.spec.search_space ?? {}).map((name): TableColumn => ({ key: `param.${name}`, label: name, kind: 'param', name, order: null, isRight: false, isUsual: true })),
    usual('step', 'Step', 'step', null, true),
    usual('duration', 'Duration', 'duration', 'duration', true),
    usual('started', 'Started', 'started', 'started_at', false),
    { ...usual('tags', 'Tags', 'tags', null, false), isUsual: hasTags },
    ...others.map((name) => metric(name, false)),
    ...(['source', 'reason', 'note'] as const).map((key): TableColumn => ({ ...usual(key, key, 'text', null, false), isUsual: false })),
  ];
}

/** What the reader has changed: columns beside the usual ones, usual ones left out, and those that stay in sight. */
export interface Arrangement {
  readonly extra: readonly string[];
  readonly hidden: readonly string[];
  readonly pinned: readonly string[];
}

/** The columns that are shown: pinned ones in front. */
export function shownColumns(all: readonly TableColumn[], { extra, hidden, pinned }: Arrangement): TableColumn[] {
  const shown = all.filter(({ key, isUsual }) => (isUsual ? !hidden.includes(key) : extra.includes(key)));
  return [...shown.filter(({ key }) => pinned.includes(key)), ...shown.filter(({ key }) => !pinned.includes(key))];
}

/** Show a column, or leave it out. */
export function toggleColumn(column: TableColumn, arrangement: Arrangement): Arrangement {
  const list = column.isUsual ? 'hidden' : 'extra';
  return { ...arrangement, [list]: toggled(arrangement[list], column.key) };
}

export const togglePin = (key: string, arrangement: Arrangement): Arrangement => ({ ...arrangement, pinned: toggled(arrangement.pinned, key) });

const toggled = (keys: readonly string[], key: string): string[] => (keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key]);

/** What a cell holds, in full, for files. `metric`: name of the first objective. */
export const cellOf = (trial: Trial, column: TableColumn, metric: string): unknown => CELLS[column.kind](trial, column.name, metric) ?? null;

type Cell = (trial: Trial, name: string, metric: string) => unknown;

const CELLS: Readonly<Record<CellKind, Cell>> = {
  number: (trial) => trial.number,
  state: (trial) => trial.phase,
  value: (trial, _, metric) => trial.value ?? trial.values[metric],
  metric: (trial, name) => trial.values[name],
  findings: (trial) => trial.findings.join(' '),
  param: (trial, name) => paramOf(trial.params, name),
  step: (trial) => trial.step,
  duration: (trial) => trial.duration_s,
  started: (trial) => trial.started_at,
  tags: (trial) => trial.tags.join(' '),
  text: (trial, name) => trial[name as 'source' | 'reason' | 'note'],
};
