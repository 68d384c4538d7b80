/** Hyperparameters in a draft: what a field accepts, how typed text becomes a value, and moving between fixed and searched. Pure. */
import type { Hyperparameter } from '$api/types';
import { formatNumber } from '$lib/format';
import { valueAt, withoutValue, withValue, type Json } from './draft';

export type Value = string | number | boolean;

/** Turn typed text into a value; what is no number stays text, so that the reader sees what they wrote. */
export function readValue(hyperparameter: Hyperparameter, text: string): Value {
  const { type, choices } = hyperparameter;
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : text;
  if (type === 'categorical') return (choices.find((choice) => String(choice) === text) as Value | undefined) ?? text;
  return type === 'text' ? text : readNumberText(text);
}

export function readNumberText(text: string): string | number {
  const trimmed = text.trim();
  return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
}

/** Say what is wrong with a value, in the words of what would be accepted; null where nothing is. */
export function complaintOf(hyperparameter: Hyperparameter, value: unknown): string | null {
  const { type, choices, pattern } = hyperparameter;
  if (type === 'bool') return typeof value === 'boolean' ? null : 'true or false';
  if (type === 'categorical') return choices.some((choice) => choice === value) ? null : `one of ${choices.map(String).join(', ')}`;
  if (type === 'text') return typeof value === 'string' && matches(pattern, value) ? null : `text of the form ${pattern ?? ''}`;
  return isInRange(hyperparameter, value) ? null : rangeOf(hyperparameter);
}

function isInRange({ type, low, high }: Hyperparameter, value: unknown): boolean {
  if (typeof value !== 'number' || (type === 'int' && !Number.isInteger(value))) return false;
  return (low === null || value >= low) && (high === null || value <= high);
}

/** Say what a number accepts, e.g. `a whole number from 1 to 10000`. */
function rangeOf({ type, low, high }: Hyperparameter): string {
  const kind = type === 'int' ? 'a whole number' : 'a number';
  return low === null || high === null ? kind : `${kind} from ${formatNumber(low)} to ${formatNumber(high)}`;
}

/** A pattern that this browser cannot read accepts everything here: the server has the last word. */
function matches(pattern: string | null, text: string): boolean {
  try {
    return pattern === null || new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    return true;
  }
}

/** Fix a hyperparameter, or leave it to its default where the value is that. */
export function withFixed(draft: Json, hyperparameter: Hyperparameter, value: Value): Json {
  const path = `fixed.${hyperparameter.name}`;
  return value === hyperparameter.default ? withoutValue(draft, path) : withValue(draft, path, value);
}

/** Search over a hyperparameter that was fixed: the model's own range where it has one, else one around the default. */
export function withSearched(draft: Json, hyperparameter: Hyperparameter, defaultSpace: Json): Json {
  const distribution = defaultSpace[hyperparameter.name] ?? distributionOf(hyperparameter);
  const loose = withoutValue(draft, `fixed.${hyperparameter.name}`);
  return withValue(loose, `search_space.${hyperparameter.name}`, distribution);
}

/** Search over it no more; its default holds unless a value is fixed. */
export const withUnsearched = (draft: Json, name: string): Json => withoutValue(draft, `search_space.${name}`);

export const isSearched = (draft: Json, name: string): boolean => valueAt(draft, `search_space.${name}`) !== undefined;

/** How far a range reaches to both sides of a default, as a factor. */
const REACH = 10;

function distributionOf(hyperparameter: Hyperparameter): Json {
  const { type, choices, log } = hyperparameter;
  const value = hyperparameter.default;
  if (type === 'bool') return { type: 'categorical', choices: [false, true] };
  if (type === 'categorical') return { type: 'categorical', choices };
  if (typeof value !== 'number') return { type: 'categorical', choices: [value] };
  const low = hyperparameter.low ?? 0;
  const high = hyperparameter.high ?? Infinity;
  const isInt = type === 'int';
  if (value === 0) return { type, low, high: Math.min(high, isInt ? REACH : 1) };
  const from = Math.max(low, value / REACH);
  const range = { low: isInt ? Math.ceil(from) : from, high: Math.min(high, value * REACH) };
  return { type, ...range, ...(log ? { log: true } : {}) };
}

/** Keep the hyperparameters whose name or meaning has all words of `text`, in any order. */
export function matching(hyperparameters: readonly Hyperparameter[], text: string): readonly Hyperparameter[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return hyperparameters.filter(({ name, meaning }) => words.every((word) => `${name} ${meaning}`.toLowerCase().includes(word)));
}
