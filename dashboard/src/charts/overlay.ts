/** Curves of a few chosen trials over each other. Pure: data in, `Picture` out. */
import { formatNumber } from '$lib/format';
import { alignCurves, type Curve } from './curves';
import type { ChartColours } from './palette';
import type { Line, Picture, Y } from './picture';
import { smooth } from './smooth';

export interface OverlayView {
  readonly metric: string;
  readonly colours: ChartColours;
  /** Weight of what came before, 0 (none) to below 1. */
  readonly smoothing: number;
  /** Whether y grows by factors, where some value is positive; those that are not are left out then. */
  readonly isLog: boolean;
  /** The one that stands out; null: none. */
  readonly chosenId: number | null;
}

/** So many trials have a look of their own; beyond, they are grey and the chosen one stands out. */
export const MAX_LOOKS = 8;
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

export type Look = Pick<Line, 'colour' | 'width' | 'dash'>;

/** How the trial at a place in the comparison is drawn: colour and dash both tell it, wherever it is named. */
export function lookAt(place: number, nTrials: number, isChosen: boolean, colours: ChartColours): Look {
  if (nTrials > MAX_LOOKS) return isChosen ? { colour: colours.best, width: 3 } : { colour: colours.quiet, width: 1.5 };
  const palette = [...colours.lines, colours.best];
  const dash = DASHES[place % DASHES.length] ?? [];
  return { colour: palette[place % palette.length] ?? colours.best, width: isChosen ? 3.5 : 2, ...(dash.length > 0 ? { dash } : {}) };
}

/** Draw one metric of chosen trials, in the order in which they were chosen; the one that stands out lies on top. */
export function drawOverlay(curves: readonly Curve[], view: OverlayView): Picture {
  const shown = curves.map((curve) => (view.smoothing > 0 ? { ...curve, values: smooth(curve.values, view.smoothing) } : curve));
  const { xs, ys } = alignCurves(shown);
  const isLog = view.isLog && ys.some((column) => column.some((y) => typeof y === 'number' && y > 0));
  const show = (column: readonly Y[]): readonly Y[] => (isLog ? column.map((y) => (typeof y === 'number' && y <= 0 ? null : y)) : column);
  const lines = shown.map((curve, place): Line => {
    const look = lookAt(place, shown.length, curve.id === view.chosenId, view.colours);
    return { key: curve.id, label: curve.label, values: show(ys[place] ?? []), mark: 'line', ...look };
  });
  const isOnTop = (line: Line): number => Number(line.key === view.chosenId);
  return { xs, lines: lines.sort((a, b) => isOnTop(a) - isOnTop(b)), isLog, xLabel: 'step', yLabel: '', summary: summarise(curves, view.metric) };
}

function summarise(curves: readonly Curve[], metric: string): string {
  const ends = curves.flatMap(({ label, values }) => {
    const last = values.findLast(Number.isFinite);
    return last === undefined ? [] : [`${label} ends at ${formatNumber(last)}`];
  });
  return ends.length === 0 ? `No points of ${metric}.` : `${metric} over steps: ${ends.slice(0, MAX_LOOKS).join(', ')}.`;
}
