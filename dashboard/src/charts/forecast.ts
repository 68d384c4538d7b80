/** Where running curves are expected to go: a band around a dashed line for each. Pure: data in, lines and bands out. */
import type { Curve } from './curves';
import { colourOf, faint, type ChartColours } from './palette';
import type { Band, Line, Y } from './picture';

export interface Forecast {
  /** The step that was judged. */
  readonly step: number;
  /** That the trial ends better than the best completed one, 0 to 1; null where nobody knows. */
  readonly chance: number | null;
  /** Finite numbers by step, ascending; null where there is a chance alone. */
  readonly band: ForecastBand | null;
}

export interface ForecastBand {
  readonly steps: readonly number[];
  readonly low: readonly number[];
  readonly middle: readonly number[];
  readonly high: readonly number[];
}

/** Bands of more trials would cover each other: the ones most likely to win are shown. */
export const MAX_BANDS = 5;

/** Trials with a band ahead of them, the most likely winners first. */
export function expecting<C extends Curve>(curves: readonly C[]): C[] {
  const ahead = curves.filter((curve) => curve.state === 'RUNNING' && bandAhead(curve) !== null);
  return ahead.sort((a, b) => (b.forecast?.chance ?? 0) - (a.forecast?.chance ?? 0) || a.id - b.id).slice(0, MAX_BANDS);
}

/** The part of a curve's band that it has not reached yet, begun at its last point; null where there is none. */
export function bandAhead(curve: Curve): ForecastBand | null {
  const band = curve.forecast?.band;
  const [last, value] = [curve.steps.at(-1) ?? -1, curve.values.at(-1)];
  const from = band?.steps.findIndex((step) => step > last) ?? -1;
  if (!band || from < 0) return null;
  const joint = value !== undefined && Number.isFinite(value);
  const [steps, low, middle, high] = [band.steps, band.low, band.middle, band.high].map((column) => column.slice(from)) as Columns;
  if (!joint) return { steps, low, middle, high };
  return { steps: [last, ...steps], low: [value, ...low], middle: [value, ...middle], high: [value, ...high] };
}

type Columns = [number[], number[], number[], number[]];

/**
 * Draw what is expected of some curves.
 *
 * `xs` are the steps of the whole picture, and `nLines` how many lines come before these: bands name lines by place.
 */
export function drawForecasts(curves: readonly Curve[], xs: readonly number[], nLines: number, colours: ChartColours): Pick<Required<Drawn>, 'lines' | 'bands'> {
  const place = new Map(xs.map((x, i) => [x, i]));
  const drawn = curves.map((curve, i): Drawn => {
    const band = bandAhead(curve) ?? NOTHING;
    const colour = colourOf(curve.id, colours);
    const column = (values: readonly number[]): Y[] => spread(xs.length, place, band.steps, values);
    const edge = { key: curve.id, mark: 'line', colour: faint(colour, 0.5), width: 0.75 } as const;
    const first = nLines + 3 * i;
    return {
      lines: [
        { ...edge, label: `${curve.label}, one in ten below`, values: column(band.low) },
        { ...edge, label: `${curve.label}, expected`, values: column(band.middle), colour, width: 1.5, dash: [6, 4] },
        { ...edge, label: `${curve.label}, one in ten above`, values: column(band.high) },
      ],
      bands: [{ upper: first + 2, lower: first, colour: faint(colour, 0.16) }],
    };
  });
  return { lines: drawn.flatMap(({ lines }) => lines), bands: drawn.flatMap(({ bands }) => bands) };
}

interface Drawn {
  readonly lines: readonly Line[];
  readonly bands: readonly Band[];
}

const NOTHING: ForecastBand = { steps: [], low: [], middle: [], high: [] };

function spread(n: number, place: ReadonlyMap<number, number>, steps: readonly number[], values: readonly number[]): Y[] {
  const column = new Array<Y>(n).fill(undefined);
  steps.forEach((step, i) => {
    column[place.get(step) ?? 0] = values[i];
  });
  return column;
}

/** Say in words how likely a trial is to win; empty where nobody knows. */
export function tellChance(forecast: Forecast | null | undefined): string {
  if (forecast?.chance === null || forecast?.chance === undefined) return '';
  return `${tellPercent(forecast.chance)} to end better than the best completed trial, judged at step ${forecast.step}`;
}

function tellPercent(chance: number): string {
  if (chance < 0.01) return 'less than 1 %';
  return chance > 0.99 ? 'more than 99 %' : `${Math.round(chance * 100)} %`;
}
