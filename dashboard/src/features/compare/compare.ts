/** From compared trials to rows of tables. Pure. */
import type { ComparedPlace, ComparedStudy, ComparedTrial, Comparison } from '$api/compare';
import { formatDuration, formatNumber, formatParam, MISSING } from '$lib/format';

export const MAX_TRIALS = 50;

export interface Cell {
  readonly text: string;
  /** As it was stored, for the download. */
  readonly raw: unknown;
  readonly isBest: boolean;
}

export interface Row {
  readonly name: string;
  readonly cells: readonly Cell[];
  /** Whether all trials agree. */
  readonly isSame: boolean;
}

export type Direction = 'minimize' | 'maximize';

/** Read `STUDY:NUMBER,STUDY:NUMBER`: each once, at most fifty; what cannot be one is left out. */
export function parseRefs(text: string | null): string[] {
  const refs = (text ?? '').split(',').map((ref) => ref.trim());
  return [...new Set(refs.filter((ref) => /^.+:\d{1,9}$/.test(ref)))].slice(0, MAX_TRIALS);
}

/** Name trials: by their number alone where all are of one study. */
export function labelOf(one: ComparedTrial, nStudies: number): string {
  return nStudies === 1 ? `Trial ${one.trial.number}` : `${one.trial.study_name} #${one.trial.number}`;
}

/** What was trained on what, and every hyperparameter that a study fixed or a trial was given. */
export function paramRows({ studies, trials }: Comparison): Row[] {
  const byId = new Map(studies.map((study) => [study.study_id, study]));
  const settings = trials.map(({ trial }): Readonly<Record<string, unknown>> => {
    const study = byId.get(trial.study_id);
    return { 'data set': study?.dataset ?? undefined, model: study?.model ?? undefined, ...study?.fixed, ...trial.params };
  });
  const names = [...new Set(settings.flatMap((one) => Object.keys(one)))];
  return names.map((name) => toRow(name, settings.map((one) => one[name]), formatParam));
}

/** Final values, the objectives' first; the best of each is marked where it is known which way is better. */
export function metricRows(comparison: Comparison, directions: ReadonlyMap<string, Direction>): Row[] {
  const { studies, trials } = comparison;
  const known = new Map([...directions, ...objectivesOf(studies)]);
  const names = [...new Set([...objectivesOf(studies).keys(), ...trials.flatMap(({ trial }) => Object.keys(trial.values))])];
  return names.map((name) => {
    const values = trials.map(({ trial }) => trial.values[name] ?? undefined);
    return markBest(toRow(name, values, (value) => formatNumber(value as number | undefined)), known.get(name));
  });
}

/** How each training went and where it ran. */
export function runRows({ trials }: Comparison): Row[] {
  const columns: readonly (readonly [string, (trial: ComparedTrial['trial']) => unknown, (value: unknown) => string])[] = [
    ['state', (trial) => trial.state, asText],
    ['duration', (trial) => trial.duration_s ?? undefined, (value) => formatDuration(value as number | undefined)],
    ['last step', (trial) => trial.step ?? undefined, asText],
    ['attempts', (trial) => trial.attempts.length, asText],
    ['seed', (trial) => trial.seed ?? undefined, asText],
    ['proposed by', (trial) => trial.source, asText],
  ];
  return columns.map(([name, read, write]) => toRow(name, trials.map(({ trial }) => read(trial)), write));
}

const asText = (value: unknown): string => (value === undefined || value === null || value === '' ? MISSING : String(value));

/** Where each trial ran: code, machine, and the packages whose versions differ. */
export function environmentRows({ trials, places }: Comparison): Row[] {
  const byWorker = new Map(places.map((place) => [place.worker_id, place]));
  const found = trials.map(({ worker_id: id }) => (id === null ? undefined : byWorker.get(id)));
  const row = (name: string, read: (place: ComparedPlace) => unknown): Row =>
    toRow(name, found.map((place) => (place ? (read(place) ?? undefined) : undefined)), asText);
  const facts: readonly (readonly [string, (place: ComparedPlace) => unknown])[] = [
    ['worker', (place) => place.worker_name],
    ['host', (place) => place.host],
    ['worker version', (place) => place.worker_version],
    ['git commit', ({ environment }) => commitOf(environment)],
    ['Python', ({ environment }) => environment?.python],
    ['torch', ({ environment }) => environment?.torch],
    ['platform', ({ environment }) => environment?.platform],
    ['CPU', ({ environment }) => environment?.cpu],
    ['GPUs', ({ environment }) => environment?.gpus?.join(', ')],
  ];
  const packages = [...new Set(places.flatMap(({ environment }) => Object.keys(environment?.packages ?? {})))].sort();
  const versions = packages.map((name) => row(`package ${name}`, ({ environment }) => environment?.packages?.[name]));
  return [...facts.map(([name, read]) => row(name, read)), ...versions.filter(({ isSame }) => !isSame)];
}

const COMMIT_DIGITS = 10;

function commitOf(environment: ComparedPlace['environment']): string | undefined {
  if (!environment?.commit) return undefined;
  return environment.commit.slice(0, COMMIT_DIGITS) + (environment.is_dirty ? ', with changes' : '');
}

function objectivesOf(studies: readonly ComparedStudy[]): Map<string, Direction> {
  return new Map(studies.flatMap(({ objectives }) => objectives.map((one) => [one.metric, one.direction] as const)));
}

function toRow(name: string, values: readonly unknown[], write: (value: unknown) => string): Row {
  const cells = values.map((raw): Cell => ({ raw, text: raw === undefined ? MISSING : write(raw), isBest: false }));
  return { name, cells, isSame: new Set(values.map((value) => JSON.stringify(value))).size <= 1 };
}

function markBest(row: Row, direction: Direction | undefined): Row {
  const finite = row.cells.map(({ raw }) => raw).filter((raw): raw is number => typeof raw === 'number' && Number.isFinite(raw));
  if (direction === undefined || finite.length < 2 || row.isSame) return row;
  const best = direction === 'maximize' ? Math.max(...finite) : Math.min(...finite);
  return { ...row, cells: row.cells.map((cell) => ({ ...cell, isBest: cell.raw === best })) };
}

/** The whole comparison as a table of a row a trial. */
export function toTable(trials: readonly ComparedTrial[], rows: readonly Row[]): { names: string[]; rows: unknown[][] } {
  return {
    names: ['study', 'trial', ...rows.map(({ name }) => name)],
    rows: trials.map(({ trial }, place) => [trial.study_name, trial.number, ...rows.map(({ cells }) => cells[place]?.raw)]),
  };
}
