/** A trial's own curve over those of its repeats and folds. Pure: data in, `Picture` out. */
import { formatNumber } from '$lib/format';
import { readMember } from '$lib/metrics';
import { alignCurves, type Curve } from './curves';
import { colourOf, faint, type ChartColours } from './palette';
import type { Line, Mark, Picture, Y } from './picture';
import { smooth } from './smooth';

/** The key of the trial's own line; members have theirs from 1. */
export const OWN_LINE = 0;

/** Curves by metric: the trial's own and its members', in the order they came. Curves are labelled by their full names. */
export function byMetric(series: readonly Curve[]): ReadonlyMap<string, readonly Curve[]> {
  const groups = new Map<string, Curve[]>();
  for (const curve of series) {
    const metric = readMember(curve.label)?.metric ?? curve.label;
    groups.set(metric, [...(groups.get(metric) ?? []), curve]);
  }
  return groups;
}

/** How one metric is shown. */
export interface MemberView {
  /** Weight of what came before, 0 (none) to below 1; the values themselves stay visible beneath. */
  readonly smoothing: number;
  /** Whether y grows by factors; only where some value is positive, and those that are not are left out. */
  readonly isLog: boolean;
  readonly marks: readonly Mark[];
}

const PLAIN: MemberView = { smoothing: 0, isLog: false, marks: [] };
const RAW_ALPHA = 0.35;

/** Draw one metric: members thin and in colours of their own, the trial above them. Dashes part the folds of a repeat. */
export function drawMembers(curves: readonly Curve[], metric: string, colours: ChartColours, view: MemberView = PLAIN): Picture {
  const order = [...curves].sort((a, b) => Number(a.label === metric) - Number(b.label === metric));
  const { xs, ys } = alignCurves(order);
  const isLog = view.isLog && ys.some((column) => column.some((y) => typeof y === 'number' && y > 0));
  const show = (column: readonly Y[]): readonly Y[] => (isLog ? column.map((y) => (typeof y === 'number' && y <= 0 ? null : y)) : column);
  const looks = order.map((curve, i) => lookOf(curve, i + 1, colours, order.length));
  const lines = looks.map((look, i): Line => ({ values: show(ys[i] ?? []), mark: 'line', ...look }));
  const shown = view.smoothing > 0 ? withSmooth(lines, order, alignCurves(order.map((curve) => smoothed(curve, view.smoothing))).ys.map(show)) : lines;
  const nMembers = order.filter((curve) => readMember(curve.label) !== null).length;
  const last = xs.at(-1);
  const members = nMembers === 0 ? '' : ` with ${nMembers} ${nMembers === 1 ? 'member' : 'members'}`;
  const marks = marksWithin(view.marks, isLog);
  const told = marks.length === 0 ? '' : ` Marked: ${marks.map(({ label, axis, at }) => `${label} (${axis === 'x' ? 'epoch ' : ''}${formatNumber(at)})`).join(', ')}.`;
  const summary = last === undefined ? `No points of ${metric} yet.` : `${metric} of this trial${members} up to step ${last}.${told}`;
  return { xs, lines: shown, marks, isLog, xLabel: 'step', yLabel: '', summary };
}

const smoothed = (curve: Curve, weight: number): Curve => ({ ...curve, values: smooth(curve.values, weight) });

/** A logarithmic axis has no place for a level that is not positive. */
const marksWithin = (marks: readonly Mark[], isLog: boolean): readonly Mark[] =>
  isLog ? marks.filter(({ axis, at }) => axis === 'x' || at > 0) : marks;

/** The values faint and beneath, the smoothed lines above them with the names and colours. */
function withSmooth(lines: readonly Line[], order: readonly Curve[], ys: readonly (readonly Y[])[]): Line[] {
  const raw = lines.map((line): Line => ({ ...line, key: -1 - line.key, label: `${line.label}, as reported`, colour: faint(line.colour, RAW_ALPHA), width: 1 }));
  return [...raw, ...order.map((_, i): Line => ({ ...(lines[i] as Line), values: ys[i] ?? [] }))];
}

const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

function lookOf(curve: Curve, key: number, colours: ChartColours, nLines: number): Pick<Line, 'key' | 'label' | 'colour' | 'width' | 'dash'> {
  const member = readMember(curve.label);
  if (!member) return { key: OWN_LINE, label: 'Trial', colour: nLines === 1 ? colourOf(0, colours) : colours.best, width: 2.5 };
  const dash = DASHES[(member.fold - 1) % DASHES.length] ?? [];
  const label = `Repeat ${member.repeat}, fold ${member.fold}`;
  return { key, label, colour: colours.lines[(member.repeat - 1) % colours.lines.length] ?? colours.best, width: 1.25, ...(dash.length > 0 ? { dash } : {}) };
}
