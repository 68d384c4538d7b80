/** Parallel coordinates: an axis a parameter or objective, a line a trial. Pure: from columns to places on axes. */
import { formatNumber } from '$lib/format';
import { areWhole } from './canvas/axis';

export interface AxisInput {
  /** Names the axis in addresses and between two drawings. */
  readonly key: string;
  readonly label: string;
  /** Numbers, or places among `choices`. NaN, or below 0 with choices: the trial has none. */
  readonly values: ArrayLike<number>;
  readonly choices: readonly string[] | null;
  readonly isLog: boolean;
}

export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** One axis. Its coordinate is the value, its logarithm to base 10, or the place of a choice. */
export interface Axis {
  readonly key: string;
  readonly label: string;
  readonly choices: readonly string[] | null;
  readonly isLog: boolean;
  /** Ends, as coordinates; `low` below `high`. */
  readonly low: number;
  readonly high: number;
  /** Where each trial crosses: 0 at the low end, 1 at the high one, NaN in the lane below for those that don't. */
  readonly at: Float32Array;
  /** Where each trial is drawn: beside its choice, so that a thousand of them are no single line; else as `at`. */
  readonly drawn: Float32Array;
  readonly ticks: readonly Tick[];
  readonly hasLane: boolean;
}

/** What the reader has marked on an axis, as coordinates. */
export interface Brush {
  readonly key: string;
  readonly low: number;
  readonly high: number;
}

/** How far beside its choice a trial may be drawn, of the way to the next one. */
const SPREAD = 0.16;
/** So many choices are named on an axis; of more, an even part. */
const MAX_NAMED = 12;

/** Place every trial on an axis. */
export function makeAxis({ key, label, values, choices, isLog }: AxisInput): Axis {
  const isLogged = isLog && choices === null && Array.from(values).every((value) => !(value <= 0));
  const toCoordinate = (value: number): number => (choices !== null ? (value < 0 ? NaN : value) : isLogged ? Math.log10(value) : value);
  const [low, high] = choices === null ? extentOf(values, toCoordinate) : ([-0.5, Math.max(1, choices.length) - 0.5] as const);
  const at = new Float32Array(values.length);
  let hasLane = false;
  for (let i = 0; i < at.length; i += 1) {
    const coordinate = toCoordinate(values[i] ?? NaN);
    at[i] = Number.isFinite(coordinate) ? (coordinate - low) / (high - low) : NaN;
    hasLane ||= Number.isNaN(at[i]);
  }
  const drawn = choices === null ? at : spread(at, SPREAD / (high - low));
  return { key, label, choices, isLog: isLogged, low, high, at, drawn, ticks: ticksOf({ low, high, isLog: isLogged, isWhole: !isLogged && areWhole(values) }, choices), hasLane };
}

/** Move places apart by up to `by` either way: always the same for the same place in the list. */
const spread = (at: Float32Array, by: number): Float32Array => at.map((place, i) => place + by * (2 * ((i * 0.6180339887) % 1) - 1));

function extentOf(values: ArrayLike<number>, toCoordinate: (value: number) => number): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i += 1) {
    const coordinate = toCoordinate(values[i] ?? NaN);
    if (!Number.isFinite(coordinate)) continue;
    if (coordinate < low) low = coordinate;
    if (coordinate > high) high = coordinate;
  }
  if (low > high) return [0, 1];
  if (low < high) return [low, high];
  const room = Math.abs(low) / 10 || 0.5;
  return [low - room, low + room];
}

type Scale = Pick<Axis, 'low' | 'high' | 'isLog'> & { readonly isWhole: boolean };

function ticksOf(scale: Scale, choices: readonly string[] | null): Tick[] {
  const { low, high, isLog } = scale;
  const place = (coordinate: number): number => (coordinate - low) / (high - low);
  if (choices !== null) {
    const every = Math.ceil(choices.length / MAX_NAMED);
    return choices.map((text, code) => ({ at: place(code), text })).filter((_, code) => code % every === 0);
  }
  return niceSteps(scale).map((coordinate) => ({ at: place(coordinate), text: nameOf(coordinate, isLog) }));
}

const nameOf = (coordinate: number, isLog: boolean): string => formatNumber(Number((isLog ? 10 ** coordinate : coordinate).toPrecision(4)));

/** Round coordinates within the ends, at most eight: whole powers of ten where there are two or more, whole numbers of whole ones. */
function niceSteps({ low, high, isLog, isWhole }: Scale): number[] {
  if (isLog && Math.floor(high) - Math.ceil(low) >= 1) {
    const every = Math.ceil((Math.floor(high) - Math.ceil(low) + 1) / 8);
    return stepsBetween(low, high, every);
  }
  if (isLog && high - low > 0.5) return roundWithin(low, high);
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return stepsBetween(low, high, isWhole ? Math.max(step, 1) : step);
}

/** Logarithms of 1, 2 and 5 times powers of ten within the ends: an axis of less than two decades has no even steps that are round. */
function roundWithin(low: number, high: number): number[] {
  const powers = Array.from({ length: Math.floor(high) - Math.floor(low) + 1 }, (_, i) => Math.floor(low) + i);
  return powers.flatMap((power) => [1, 2, 5].map((n) => power + Math.log10(n))).filter((at) => at >= low - 1e-9 && at <= high + 1e-9);
}

function stepsBetween(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Which trials lie within every brush: 1 or 0 each; null without a brush. Brushes of axes that are not there do nothing. */
export function matchBrushes(axes: readonly Axis[], brushes: readonly Brush[], n: number): Uint8Array | null {
  const inForce = brushes.flatMap((brush) => {
    const axis = axes.find(({ key }) => key === brush.key);
    return axis ? [{ at: axis.at, low: placeOn(axis, brush.low), high: placeOn(axis, brush.high) }] : [];
  });
  if (inForce.length === 0) return null;
  const mask = new Uint8Array(n).fill(1);
  for (const { at, low, high } of inForce) {
    // Single precision on the axis: what is drawn on the brush's edge lies within it.
    const [from, to] = [low - 1e-6, high + 1e-6];
    for (let i = 0; i < n; i += 1) {
      const place = at[i] ?? NaN;
      if (!(place >= from && place <= to)) mask[i] = 0;
    }
  }
  return mask;
}

/** Place of a coordinate on its axis: 0 at the low end, 1 at the high one. */
export const placeOn = (axis: Pick<Axis, 'low' | 'high'>, coordinate: number): number => (coordinate - axis.low) / (axis.high - axis.low);

/** Coordinate of a place on an axis, held within its ends. */
export const coordinateAt = (axis: Pick<Axis, 'low' | 'high'>, place: number): number =>
  axis.low + Math.min(1, Math.max(0, place)) * (axis.high - axis.low);

/** Say what a brush takes, e.g. `0.001 to 0.01` or `relu, tanh`. */
export function brushWords(axis: Axis, brush: Brush): string {
  if (axis.choices === null) return `${nameOf(brush.low, axis.isLog)} to ${nameOf(brush.high, axis.isLog)}`;
  const named = axis.choices.filter((_, code) => code >= brush.low && code <= brush.high);
  return named.length > 0 ? named.join(', ') : 'none';
}
