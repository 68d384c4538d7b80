/** What a training took of its machine, over the minutes since it began. Pure: data in, `Picture` out. */
import { formatNumber } from '$lib/format';
import { SYSTEM } from '$lib/metrics';
import { alignCurves, type Curve } from './curves';
import type { ChartColours } from './palette';
import type { Line, Picture } from './picture';

/** The steps of such curves are seconds since 1970. */
export { SYSTEM };

const GIB = 1 << 30;
const MIB = 1 << 20;
const MINUTE_S = 60;

export interface UsageGroup {
  readonly title: string;
  readonly unit: string;
  readonly curves: readonly Curve[];
}

/** Part such curves by what they measure, each kind with its unit; kinds without curves are left out. */
export function groupUsage(series: readonly Curve[]): UsageGroup[] {
  const of = (pattern: RegExp): Curve[] => series.filter(({ label }) => pattern.test(label));
  const groups: UsageGroup[] = [
    { title: 'CPU', unit: '%', curves: of(/_cpu_percent$/) },
    { title: 'Memory', unit: 'GiB', curves: of(/(process|machine)_memory_bytes$/) },
    { title: 'Disk', unit: 'MiB/s', curves: of(/_disk_bytes_per_s$/) },
    { title: 'Network', unit: 'MiB/s', curves: of(/_network_bytes_per_s$/) },
    { title: 'GPU utilisation', unit: '%', curves: of(/gpu\d+_percent$/) },
    { title: 'GPU memory', unit: 'GiB', curves: of(/gpu\d+_memory_bytes$/) },
  ];
  return groups.filter(({ curves }) => curves.length > 0);
}

/** Draw one kind; times are minutes since `startedAtMs`. The training's own process is dashed less than the machine. */
export function drawUsage(group: UsageGroup, startedAtMs: number, colours: ChartColours): Picture {
  const curves = group.curves.map((curve) => toUnits(curve, startedAtMs / 1000, group.unit));
  const { xs, ys } = alignCurves(curves);
  const lines = curves.map((curve, place): Line => {
    const label = nameOf(curve.label);
    const dash = label.startsWith('machine') ? { dash: [6, 3] } : {};
    return { key: place, label, values: ys[place] ?? [], mark: 'line', colour: colours.lines[place % colours.lines.length] ?? colours.best, width: 2, ...dash };
  });
  const peaks = curves.map(({ label, values }) => `${nameOf(label)} at most ${formatNumber(highest(values))} ${group.unit}`);
  return { xs, lines, isXContinuous: true, xLabel: 'minutes', yLabel: group.unit, summary: `${group.title} over time: ${peaks.join(', ')}.` };
}

/** `system/gpu0_memory_bytes` becomes `gpu0`, `system/process_cpu_percent` becomes `process`. */
const nameOf = (label: string): string => label.slice(SYSTEM.length).split('_')[0] ?? label;

function toUnits(curve: Curve, startedAtS: number, unit: string): Curve {
  const scale = unit === 'GiB' ? GIB : unit === 'MiB/s' ? MIB : 1;
  const toMinutes = (second: number): number => Math.round(((second - startedAtS) / MINUTE_S) * 100) / 100;
  return { ...curve, steps: curve.steps.map(toMinutes), values: curve.values.map((value) => value / scale) };
}

const highest = (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value), -Infinity);
