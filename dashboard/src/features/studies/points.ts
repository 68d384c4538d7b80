/** Points of people's own: what is typed for each parameter of a search space, and what the server is asked to run. Pure. */
import { formatParam } from '$lib/format';
import { isJson, type Json } from './draft';
import { readNumberText } from './parameters';

/** One place that can be filled in; a parameter is one, a list has one for its length and each of its values. */
export interface Slot {
  readonly name: string;
  /** What may be chosen; null where a number is typed. */
  readonly choices: readonly unknown[] | null;
  /** What is accepted, e.g. `0.0001 to 0.1`. */
  readonly accepted: string;
}

/** By slot: what was typed or chosen, as text; empty leaves it to the sampler. */
export type Typed = Readonly<Record<string, string>>;

export function slotsOf(space: Json): readonly Slot[] {
  return Object.entries(space).flatMap(([name, shape]) => (isJson(shape) ? slotsOfShape(name, shape) : []));
}

function slotsOfShape(name: string, shape: Json): readonly Slot[] {
  if (shape.type === 'fixed') return [];
  if (shape.type !== 'list') return [slot(name, shape)];
  const length = isJson(shape.length) ? shape.length : {};
  const each = isJson(shape.each) ? shape.each : {};
  const n = typeof length.high === 'number' ? length.high : 0;
  return [slot(`${name}.length`, length), ...Array.from({ length: n }, (_, place) => slot(`${name}.${place + 1}`, each))];
}

const slot = (name: string, { choices, low, high }: Json): Slot =>
  Array.isArray(choices)
    ? { name, choices, accepted: '' }
    : { name, choices: null, accepted: `${formatParam(low)} to ${formatParam(high)}` };

/** The parameters of a point: numbers as numbers, choices as what they are; what was left empty is not there. */
export function readPoint(slots: readonly Slot[], typed: Typed): Record<string, string | number | boolean | null> {
  const given = slots.filter(({ name }) => (typed[name] ?? '').trim() !== '');
  return Object.fromEntries(given.map(({ name, choices }) => [name, read(choices, typed[name] ?? '')]));
}

function read(choices: readonly unknown[] | null, text: string): string | number | boolean | null {
  const found = choices?.find((choice) => formatChoice(choice) === text);
  return found === undefined ? readNumberText(text) : (found as string | number | boolean | null);
}

/** How a choice stands in a list: text as it is, everything else as JSON. */
export const formatChoice = (choice: unknown): string => (typeof choice === 'string' ? choice : JSON.stringify(choice));
