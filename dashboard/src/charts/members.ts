/** A trial's own curve over those of its repeats and folds. Pure: data in, `Picture` out. */
import { readMember } from '$lib/metrics';
import { alignCurves, type Curve } from './curves';
import { colourOf, type ChartColours } from './palette';
import type { Line, Picture } from './picture';

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

/** Draw one metric: members thin and in colours of their own, the trial above them. Dashes part the folds of a repeat. */
export function drawMembers(curves: readonly Curve[], metric: string, colours: ChartColours): Picture {
  const order = [...curves].sort((a, b) => Number(a.label === metric) - Number(b.label === metric));
  const { xs, ys } = alignCurves(order);
  const lines = order.map((curve, i): Line => ({ values: ys[i] ?? [], mark: 'line', ...lookOf(curve, i + 1, colours, order.length) }));
  const nMembers = order.filter((curve) => readMember(curve.label) !== null).length;
  const last = xs.at(-1);
  const members = nMembers === 0 ? '' : ` with ${nMembers} ${nMembers === 1 ? 'member' : 'members'}`;
  const summary = last === undefined ? `No points of ${metric} yet.` : `${metric} of this trial${members} up to step ${last}.`;
  return { xs, lines, xLabel: 'step', yLabel: '', summary };
}

const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

function lookOf(curve: Curve, key: number, colours: ChartColours, nLines: number): Pick<Line, 'key' | 'label' | 'colour' | 'width' | 'dash'> {
  const member = readMember(curve.label);
  if (!member) return { key: OWN_LINE, label: 'Trial', colour: nLines === 1 ? colourOf(0, colours) : colours.best, width: 2.5 };
  const dash = DASHES[(member.fold - 1) % DASHES.length] ?? [];
  const label = `Repeat ${member.repeat}, fold ${member.fold}`;
  return { key, label, colour: colours.lines[(member.repeat - 1) % colours.lines.length] ?? colours.best, width: 1.25, ...(dash.length > 0 ? { dash } : {}) };
}
