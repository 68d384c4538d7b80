/** All trials of a study as columns: what charts of many trials are drawn from. */
import { client, unwrap } from './client';
import { readNumber } from './numbers';
import type { components } from './schema';
import type { TrialPhase } from './types';

type ColumnsRead = components['schemas']['ColumnsRead'];
type ParamRead = ColumnsRead['params'][number];

export interface NumberColumn {
  readonly name: string;
  readonly kind: 'number';
  readonly isLog: boolean;
  /** NaN where the parameter is inactive. */
  readonly values: Float64Array;
}

export interface CategoryColumn {
  readonly name: string;
  readonly kind: 'category';
  readonly choices: readonly string[];
  /** Places among `choices`; -1 where the parameter is inactive. */
  readonly codes: Int32Array;
}

export type ParamColumn = NumberColumn | CategoryColumn;

export interface ObjectiveColumn {
  readonly metric: string;
  readonly direction: 'minimize' | 'maximize';
  /** NaN where there is none. */
  readonly values: Float64Array;
}

/** Trials by number; place i of every column is the same trial. Trials that confirm others are not among them. */
export interface TrialColumns {
  /** The study's change up to which the columns are complete. */
  readonly rev: number;
  readonly n: number;
  /** Trial numbers, ascending. */
  readonly numbers: Int32Array;
  readonly trialIds: Int32Array;
  readonly states: readonly TrialPhase[];
  readonly objectives: readonly ObjectiveColumn[];
  readonly params: readonly ParamColumn[];
  /** 1 unless the trial breaks a constraint on outcomes. */
  readonly isFeasible: Uint8Array;
  /** Seconds since 1970; NaN where unknown. */
  readonly startedAt_s: Float64Array;
  readonly durations_s: Float64Array;
}

/** Read all trials of a study. */
export async function getColumns(study: string | number): Promise<TrialColumns> {
  return readColumns(await fetchColumns(study, null));
}

/** Bring columns up to date; only what may have changed since is sent. Answers `before` itself where nothing has. */
export async function refreshColumns(study: string | number, before: TrialColumns): Promise<TrialColumns> {
  const read = await fetchColumns(study, before.rev);
  if (read.is_whole) return readColumns(read);
  return mergeColumns(before, readColumns(read)) ?? getColumns(study);
}

/** Find the place of a trial in the columns; -1 where it is not among them. */
export function placeOf(columns: Pick<TrialColumns, 'numbers'>, number: number): number {
  const { numbers } = columns;
  let low = 0;
  let high = numbers.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = numbers[middle] ?? 0;
    if (found === number) return middle;
    if (found < number) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Put later columns of some trials into earlier ones of all; null where they do not fit together. */
export function mergeColumns(before: TrialColumns, later: TrialColumns): TrialColumns | null {
  const places = placesFor(before, later);
  if (places === null || before.objectives.length !== later.objectives.length) return null;
  const n = Math.max(before.n, (places.at(-1) ?? -1) + 1);
  const join = (old: Float64Array, now: Float64Array): Float64Array => put(new Float64Array(n).fill(NaN), old, places, now);
  const integers = (old: Int32Array, now: Int32Array): Int32Array => put(new Int32Array(n), old, places, now);
  const params = mergeParams(before, later, n, places);
  if (params === null) return null;
  const states = [...before.states];
  places.forEach((place, i) => (states[place] = later.states[i] ?? 'FAIL'));
  const merged: TrialColumns = {
    rev: later.rev,
    n,
    numbers: integers(before.numbers, later.numbers),
    trialIds: integers(before.trialIds, later.trialIds),
    states,
    objectives: before.objectives.map((one, k) => ({ ...one, values: join(one.values, later.objectives[k]?.values ?? new Float64Array(later.n)) })),
    params,
    isFeasible: put(new Uint8Array(n).fill(1), before.isFeasible, places, later.isFeasible),
    startedAt_s: join(before.startedAt_s, later.startedAt_s),
    durations_s: join(before.durations_s, later.durations_s),
  };
  return isUnchanged(before, merged, places) ? before : merged;
}

async function fetchColumns(study: string | number, after: number | null): Promise<ColumnsRead> {
  const params = { path: { study: String(study) }, query: after === null ? {} : { after } };
  return unwrap(client.GET('/api/v1/studies/{study}/columns', { params }));
}

/** Turn an answer into typed arrays. */
export function readColumns(read: ColumnsRead): TrialColumns {
  const infeasible = new Set(read.infeasible);
  return {
    rev: read.rev,
    n: read.numbers.length,
    numbers: Int32Array.from(read.numbers),
    trialIds: Int32Array.from(read.trial_ids),
    states: read.states.map((code) => (read.state_names[code] ?? 'FAIL') as TrialPhase),
    objectives: read.objectives.map(({ metric, direction, values }) => ({ metric, direction, values: readFloats(values) })),
    params: read.params.map(readParam),
    isFeasible: Uint8Array.from(read.numbers, (number) => (infeasible.has(number) ? 0 : 1)),
    startedAt_s: readFloats(read.started_at_s),
    durations_s: readFloats(read.durations_s),
  };
}

function readParam(read: ParamRead): ParamColumn {
  if (read.kind === 'number') return { name: read.name, kind: 'number', isLog: read.is_log, values: readFloats(read.values) };
  return { name: read.name, kind: 'category', choices: read.choices, codes: Int32Array.from(read.codes) };
}

const readFloats = (values: readonly unknown[]): Float64Array => Float64Array.from(values, readNumber);

/** Where each later trial stands in the merged columns: in its place of before, or behind all of them. */
function placesFor(before: TrialColumns, later: TrialColumns): number[] | null {
  let end = before.n;
  const last = before.numbers[before.n - 1] ?? -1;
  const places: number[] = [];
  for (const number of later.numbers) {
    const place = number > last ? end++ : placeOf(before, number);
    if (place < 0) return null;
    places.push(place);
  }
  return places;
}

function put<A extends Float64Array | Int32Array | Uint8Array>(target: A, old: A, places: readonly number[], now: A): A {
  target.set(old);
  places.forEach((place, i) => (target[place] = now[i] ?? 0));
  return target;
}

/** Columns by name; null where one has changed its kind. A trial lacks what its part of the answer does not name. */
function mergeParams(before: TrialColumns, later: TrialColumns, n: number, places: readonly number[]): ParamColumn[] | null {
  const names = [...new Set([...before.params, ...later.params].map(({ name }) => name))];
  const merged: ParamColumn[] = [];
  for (const name of names) {
    const old = before.params.find((one) => one.name === name);
    const now = later.params.find((one) => one.name === name);
    if (old && now && old.kind !== now.kind) return null;
    const column = now ?? old;
    if (column?.kind === 'number') merged.push(mergeNumbers(column, asNumbers(old, before.n), asNumbers(now, later.n), n, places));
    else if (column) merged.push(mergeCategories(name, asCategories(old, before.n), asCategories(now, later.n), n, places));
  }
  return merged;
}

const asNumbers = (column: ParamColumn | undefined, n: number): Float64Array =>
  column?.kind === 'number' ? column.values : new Float64Array(n).fill(NaN);

const asCategories = (column: ParamColumn | undefined, n: number): Pick<CategoryColumn, 'choices' | 'codes'> =>
  column?.kind === 'category' ? column : { choices: [], codes: new Int32Array(n).fill(-1) };

function mergeNumbers(column: NumberColumn, old: Float64Array, now: Float64Array, n: number, places: readonly number[]): NumberColumn {
  return { ...column, values: put(new Float64Array(n).fill(NaN), old, places, now) };
}

type Categories = Pick<CategoryColumn, 'choices' | 'codes'>;

function mergeCategories(name: string, old: Categories, now: Categories, n: number, places: readonly number[]): CategoryColumn {
  const choices = [...new Set([...old.choices, ...now.choices])];
  const codes = now.codes.map((code) => (code < 0 ? -1 : choices.indexOf(now.choices[code] ?? '')));
  return { name, kind: 'category', choices, codes: put(new Int32Array(n).fill(-1), old.codes, places, codes) };
}

function isUnchanged(before: TrialColumns, merged: TrialColumns, places: readonly number[]): boolean {
  if (merged.n !== before.n || merged.params.length !== before.params.length) return false;
  const isSame = (old: ArrayLike<unknown>, now: ArrayLike<unknown>): boolean => places.every((place) => Object.is(old[place], now[place]));
  return (
    isSame(before.states, merged.states) &&
    isSame(before.startedAt_s, merged.startedAt_s) &&
    isSame(before.durations_s, merged.durations_s) &&
    isSame(before.isFeasible, merged.isFeasible) &&
    before.objectives.every((one, k) => isSame(one.values, merged.objectives[k]?.values ?? [])) &&
    before.params.every((one, k) => isSame(cellsOf(one), cellsOf(merged.params[k])))
  );
}

const cellsOf = (column: ParamColumn | undefined): ArrayLike<number> =>
  column === undefined ? [] : column.kind === 'number' ? column.values : column.codes;
