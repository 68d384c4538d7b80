/** Search spaces: a trial's value of what the space names, and shapes in words. Pure. */
import { formatParam } from './format';

type Params = Readonly<Record<string, unknown>>;
type Shape = Readonly<Record<string, unknown>>;

/** A trial's value of a parameter of the space; of a list, whose places trials hold, its text such as `64-32`. */
export function paramOf(params: Params, name: string): unknown {
  const length = params[`${name}.length`];
  if (name in params || typeof length !== 'number') return params[name];
  return Array.from({ length }, (_, place) => String(params[`${name}.${place + 1}`])).join('-');
}

/** Say when a parameter is active, e.g. `when optimizer is sgd or nesterov`; empty where it always is. */
export function whenWords(shape: Shape): string {
  const conditions = Object.entries(shapeAt(shape, 'when')).map(([other, values]) => `${other} is ${listed(values)}`);
  return conditions.length > 0 ? `when ${conditions.join(' and ')}` : '';
}

/** Say the values of a kind that has no fields of its own to edit; null for those that have. */
export function otherWords(shape: Shape): string | null {
  if (shape.type === 'fixed') return `always ${formatParam(shape.value)}`;
  if (shape.type !== 'list') return null;
  const { low, high } = shapeAt(shape, 'length');
  const each = shapeAt(shape, 'each');
  const values = Array.isArray(each.choices) ? listed(each.choices) : `${formatParam(each.low)} to ${formatParam(each.high)}`;
  return `${formatParam(low)} to ${formatParam(high)} values, each ${values}`;
}

/** Say what a parameter may be, e.g. `0.0001 to 0.1, log scale`; `not searched` for null. */
export function shapeWords(shape: unknown): string {
  if (typeof shape !== 'object' || shape === null) return 'not searched';
  const { choices, low, high, step, log } = shape as Shape;
  const range = `${formatParam(low)} to ${formatParam(high)}${typeof step === 'number' ? ` in steps of ${formatParam(step)}` : ''}`;
  const values = otherWords(shape as Shape) ?? (Array.isArray(choices) ? listed(choices) : range);
  return [values, log === true ? 'log scale' : '', whenWords(shape as Shape)].filter(Boolean).join(', ');
}

function shapeAt(shape: Shape, key: string): Shape {
  const value = shape[key];
  return typeof value === 'object' && value !== null ? (value as Shape) : {};
}

const listed = (values: unknown): string => (Array.isArray(values) ? values : [values]).map((value) => formatParam(value)).join(' or ');
