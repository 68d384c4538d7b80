/** Axes of charts on canvas: from values to places between 0 and 1, back, and the ticks between. Pure. */
import { formatClock, formatNumber } from '$lib/format';
import type { ParamValues } from '../trials';

export interface Axis {
  readonly label: string;
  readonly kind: 'linear' | 'log' | 'category' | 'time';
  /** Ends of the axis; above 0 on a log axis, seconds since 1970 on one of time. */
  readonly low: number;
  readonly high: number;
  /** Whether all values are whole numbers: so are its ticks then. */
  readonly isWhole?: boolean;
  /** Of a category axis: choice i lies at i. */
  readonly choices?: readonly string[];
}

export interface Tick {
  /** From 0 to 1. */
  readonly at: number;
  readonly text: string;
}

/** Room at both ends, as a share of the axis. */
const ROOM = 0.04;

/** An axis from the least to the greatest finite value, with some room; one that is log uses values above 0 only. */
export function axisFor(label: string, values: ArrayLike<number>, kind: 'linear' | 'log' | 'time' = 'linear'): Axis {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? NaN;
    if (!Number.isFinite(value) || (kind === 'log' && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return { label, kind: 'linear', low: 0, high: 1 };
  return { label, kind, ...withRoom(low, high, kind === 'log') };
}

/** The axis of a parameter. */
export function axisOfParam(param: ParamValues): Axis {
  if (param.kind === 'number') return { ...axisFor(param.name, param.values, param.isLog ? 'log' : 'linear'), isWhole: areWhole(param.values) };
  return { label: param.name, kind: 'category', low: -0.5, high: Math.max(param.choices.length, 1) - 0.5, choices: param.choices };
}

/** Whether there are values and all of them are whole; those that are no numbers do not count. */
export function areWhole(values: ArrayLike<number>): boolean {
  let n = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? NaN;
    if (Number.isInteger(value)) n += 1;
    else if (!Number.isNaN(value)) return false;
  }
  return n > 0;
}

function withRoom(low: number, high: number, isLog: boolean): { low: number; high: number } {
  if (isLog) {
    const factor = low === high ? 2 : (high / low) ** ROOM;
    return { low: low / factor, high: high * factor };
  }
  const room = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * ROOM;
  return { low: low - room, high: high + room };
}

/** Where a value lies: 0 at the low end, 1 at the high end; NaN for one that the axis cannot show. */
export function toUnit(axis: Axis, value: number): number {
  if (axis.kind !== 'log') return (value - axis.low) / (axis.high - axis.low);
  return value > 0 ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : NaN;
}

/** The value at a place between 0 and 1. */
export function fromUnit(axis: Axis, at: number): number {
  if (axis.kind !== 'log') return axis.low + at * (axis.high - axis.low);
  return axis.low * (axis.high / axis.low) ** at;
}

/** The part of an axis from place `from` to place `to`, both between 0 and 1. */
export function partOf(axis: Axis, from: number, to: number): Axis {
  return { ...axis, low: fromUnit(axis, from), high: fromUnit(axis, to) };
}

/** Ticks on round values, about `nMost` of them. */
export function ticksOf(axis: Axis, nMost: number): Tick[] {
  const values = axis.kind === 'category' ? categoryTicks(axis, nMost) : axis.kind === 'log' ? logTicks(axis, nMost) : linearTicks(axis, nMost);
  return values.map((value) => ({ at: toUnit(axis, value), text: textOf(axis, value) }));
}

/** Write a value of an axis. */
export function textOf(axis: Axis, value: number): string {
  if (axis.kind === 'category') return axis.choices?.[Math.round(value)] ?? '';
  return axis.kind === 'time' ? formatClock(new Date(value * 1000)) : formatNumber(Number(value.toPrecision(12)));
}

function categoryTicks({ low, high, choices = [] }: Axis, nMost: number): number[] {
  const shown = choices.map((_, i) => i).filter((i) => i > low && i < high);
  const every = Math.max(1, Math.ceil(shown.length / Math.max(nMost, 1)));
  return shown.filter((_, i) => i % every === 0);
}

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

function linearTicks({ low, high, kind, isWhole = false }: Axis, nMost: number): number[] {
  const rough = (high - low) / Math.max(nMost, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough) ?? rough;
  const step = kind === 'time' ? (SECONDS.find((one) => one >= rough) ?? 86400 * Math.ceil(rough / 86400)) : Math.max(round, isWhole ? 1 : 0);
  const first = Math.ceil(low / step);
  const n = Math.max(0, Math.floor(high / step) - first + 1);
  return Array.from({ length: n }, (_, i) => (first + i) * step);
}

/** Powers of ten, thinned where there are many; within a decade or two also 2 and 5 times them. */
function logTicks(axis: Axis, nMost: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(axis.low)), Math.floor(Math.log10(axis.high))];
  const every = Math.max(1, Math.ceil((to - from + 1) / Math.max(nMost, 1)));
  const powers: number[] = [];
  for (let power = from; power <= to; power += every) powers.push(10 ** power);
  if (powers.length > 2 || every > 1) return powers;
  const finer: number[] = [];
  for (let power = from - 1; power <= to; power += 1) finer.push(...[1, 2, 5].map((n) => n * 10 ** power));
  const shown = finer.filter((value) => value >= axis.low && value <= axis.high);
  return shown.length > 1 ? shown : linearTicks(axis, nMost).filter((value) => value > 0);
}
