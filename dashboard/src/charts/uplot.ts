/** From a `Picture` to uPlot's options. Only this module and the wrapper know which library draws. */
import uPlot from 'uplot';
import { formatNumber } from '$lib/format';
import type { ChartColours } from './palette';
import { drawMarks } from './pointing';
import type { Line, Picture } from './picture';

const FONT = '12px system-ui, sans-serif';
/** Between ticks of what is counted: there is no half trial, and no half epoch. */
export const WHOLE_STEPS: readonly number[] = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Hooks {
  /** Whether the pointer is on this line, by its index in `Picture.lines`. */
  readonly isFocused: (line: number) => boolean;
  readonly onPointer: (plot: uPlot) => void;
  /** The shown range of x changed; `isZoomed` says whether it is a part of the data. */
  readonly onZoom: (isZoomed: boolean) => void;
  readonly onDrawn: () => void;
}

/** The data in uPlot's column form. Its types have no readonly arrays; it does not write to them. */
export function toColumns(picture: Picture): uPlot.AlignedData {
  return [picture.xs, ...picture.lines.map((line) => line.values)] as unknown as uPlot.AlignedData;
}

export function toOptions(picture: Picture, colours: ChartColours, size: Size, hooks: Hooks): uPlot.Options {
  return {
    width: size.width,
    height: size.height,
    legend: { show: false },
    padding: [12, 12, 0, 0],
    cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: true } },
    focus: { alpha: 0.35 },
    scales: { x: { time: false, range: toXRange }, y: picture.isLog ? { distr: 3, range: toLogRange } : { range: toYRange } },
    axes: [
      toAxis(picture.xLabel, colours, { ...(picture.isXContinuous ? {} : { incrs: [...WHOLE_STEPS] }), space: 56, size: 24 }),
      toAxis(picture.yLabel, colours, { size: 56 }),
    ],
    series: [{}, ...picture.lines.map((line) => toSeries(line, colours, hooks))],
    bands: (picture.bands ?? []).map(({ upper, lower, colour }) => ({ series: [upper + 1, lower + 1], fill: colour })),
    hooks: {
      draw: [(plot) => drawMarks(plot, picture.marks ?? [], colours), hooks.onDrawn],
      setCursor: [hooks.onPointer],
      setSelect: [(plot) => hooks.onZoom(plot.select.width > 0)],
    },
  };
}

/** One lone point, or values that are all equal, get some room. */
function toXRange(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function toYRange(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const room = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.06;
  return [low - room, high + room];
}

function toLogRange(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  return low === null || high === null ? [0.1, 1] : uPlot.rangeLog(low, high, 10, false);
}

export function toAxis(label: string, colours: ChartColours, more: uPlot.Axis): uPlot.Axis {
  return {
    ...(label === '' ? {} : { label, labelSize: 20, labelGap: 0, labelFont: FONT }),
    font: FONT,
    stroke: colours.text,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) => splits.map((split) => (split === null ? '' : formatNumber(tidy(split)))),
    ...more,
  };
}

/** Ticks are sums of steps such as 0.1: shave off what floating point added. */
const tidy = (value: number): number => Number(value.toPrecision(12));

function toSeries(line: Line, colours: ChartColours, hooks: Hooks): uPlot.Series {
  // A quiet line under the pointer comes forward; one that has a colour of its own keeps it.
  const isQuiet = line.colour === colours.quiet || line.colour === colours.faded;
  const stroke = (_: uPlot, series: number): string => (isQuiet && hooks.isFocused(series - 1) ? colours.best : line.colour);
  const base: uPlot.Series = { label: line.label, stroke, width: line.width, spanGaps: false };
  if (line.mark === 'dots') {
    return { ...base, paths: () => null, points: { show: true, size: 6, fill: line.colour, width: 0 } };
  }
  const stepped = line.mark === 'step' ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    ...base,
    ...(line.dash ? { dash: [...line.dash] } : {}),
    ...(stepped ? { paths: stepped } : {}),
    // A line of one point has no length: show the point.
    points: { show: hasOnePoint, size: 4 + line.width, fill: line.colour, width: 0 },
  };
}

const hasOnePoint = (plot: uPlot, series: number): boolean =>
  (plot.data[series] ?? []).filter((y) => typeof y === 'number').length === 1;
