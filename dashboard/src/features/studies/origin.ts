/** Drafts made of what there is: a clone of a study, and a closer look around one of its trials. Pure. */
import { isJson, withValue, type Json } from './draft';

/** The part of a range's length to each side of a value that a closer look keeps. */
const REACH = 0.2;

interface Source {
  readonly name: string;
  readonly notes: string;
  readonly tags: readonly string[];
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A draft with all settings of a study, but with a seed of its own: with the old one, grid and random would repeat it. */
export function cloneOf(study: Source, name: string): Json {
  const draft: Json = { name, ...study.spec, warm_start: null, notes: study.notes, tags: [...study.tags] };
  return withValue(draft, 'sampler.seed', null);
}

/** The same, with each range narrowed around what a trial of the study had; what the trial lacks stays as it is. */
export function aroundTrial(study: Source, params: Readonly<Record<string, unknown>>, name: string): Json {
  const draft = cloneOf(study, name);
  const space = isJson(draft.search_space) ? draft.search_space : {};
  const narrowed = Object.entries(space).map(([key, shape]) => [key, isJson(shape) ? narrow(shape, params[key]) : shape]);
  return { ...draft, search_space: Object.fromEntries(narrowed) as Json };
}

/** Keep the fifth of a range to both sides of a value. Conditions, lists and choices stay: they are not a matter of distance. */
function narrow(shape: Json, value: unknown): Json {
  const { low, high, step } = shape;
  if (typeof value !== 'number' || typeof low !== 'number' || typeof high !== 'number') return shape;
  const isInt = shape.type === 'int';
  const [from, to] = shape.log === true ? reachOfLog(low, high, value) : reach(low, high, value);
  if (typeof step === 'number') {
    const n = Math.max(1, Math.round((REACH * (high - low)) / step));
    return { ...shape, low: Math.max(low, tidy(value - n * step, isInt)), high: Math.min(high, tidy(value + n * step, isInt)) };
  }
  const [least, most] = isInt ? [Math.min(Math.floor(from), value - 1), Math.max(Math.ceil(to), value + 1)] : [tidy(from), tidy(to)];
  return { ...shape, low: Math.max(low, least), high: Math.min(high, most) };
}

function reach(low: number, high: number, value: number): readonly [number, number] {
  const distance = REACH * (high - low);
  return [value - distance, value + distance];
}

function reachOfLog(low: number, high: number, value: number): readonly [number, number] {
  const factor = (high / low) ** REACH;
  return [value / factor, value * factor];
}

/** Three digits are enough for an end of a range, and read better than seventeen. */
const tidy = (value: number, isInt = false): number => (isInt ? Math.round(value) : Number(value.toPrecision(3)));

/** Read `STUDY:NUMBER`; null for anything else. */
export function readAround(text: string): { readonly study: string; readonly number: number } | null {
  const found = /^(.+):(\d{1,15})$/.exec(text);
  return found?.[1] === undefined ? null : { study: found[1], number: Number(found[2]) };
}
