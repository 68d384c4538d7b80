/** How a trial's parameters differ from the best trial's and from the model's defaults. Pure. */
import { formatParam } from './format';

export type Params = Readonly<Record<string, unknown>>;

export interface ParamRow {
  readonly name: string;
  readonly value: string;
  /** Beside the best trial: its value and how far this one is from it; null where the best has none, or none is known. */
  readonly best: Difference | null;
  /** Beside the default in the same way. */
  readonly fallback: Difference | null;
}

export interface Difference {
  readonly value: string;
  readonly isSame: boolean;
  /** Such as `×10` or `+2`; empty where the two are equal, or no numbers. */
  readonly step: string;
}

/** Put parameters beside those of the best trial and beside the defaults, in their own order. */
export function compareParams(params: Params, best: Params | null, defaults: Params): ParamRow[] {
  return Object.entries(params).map(([name, value]) => ({
    name,
    value: formatParam(value),
    best: best && name in best ? differ(value, best[name]) : null,
    fallback: name in defaults ? differ(value, defaults[name]) : null,
  }));
}

/** Say how a value differs from another one. */
export function differ(value: unknown, other: unknown): Difference {
  const isSame = JSON.stringify(value) === JSON.stringify(other);
  const areNumbers = typeof value === 'number' && typeof other === 'number';
  return { value: formatParam(other), isSame, step: isSame || !areNumbers ? '' : stepBetween(value, other) };
}

/** Whole numbers differ by a sum, others by a factor: rates and decays are searched by their size. */
function stepBetween(value: number, other: number): string {
  if (Number.isInteger(value) && Number.isInteger(other)) return signed(value - other);
  if (value > 0 && other > 0) return `×${formatParam(Number((value / other).toPrecision(2)))}`;
  return signed(Number((value - other).toPrecision(2)));
}

const signed = (step: number): string => (step > 0 ? `+${formatParam(step)}` : formatParam(step));
