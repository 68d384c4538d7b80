import { expect, it } from 'vitest';
import type { Curve } from './curves';
import { chartColours } from './palette';
import { drawUsage, groupUsage } from './usage';

const START_S = 1_000_000;
const curve = (name: string, ...values: number[]): Curve => ({
  id: 1,
  label: `system/${name}`,
  state: 'RUNNING',
  steps: values.map((_, place) => START_S + 15 * (place + 1)),
  values,
});
const SERIES = [
  curve('machine_cpu_percent', 50, 60),
  curve('process_cpu_percent', 98, 99.5),
  curve('process_memory_bytes', 1 << 30, 1.5 * (1 << 30)),
  curve('gpu0_percent', 87),
  curve('gpu0_memory_bytes', 2 * (1 << 30)),
];

it('parts percent from bytes and GPUs from the rest', () => {
  expect(groupUsage(SERIES).map(({ title, unit, curves }) => [title, unit, curves.length])).toEqual([
    ['CPU', '%', 2],
    ['Memory', 'GiB', 1],
    ['GPU utilisation', '%', 1],
    ['GPU memory', 'GiB', 1],
  ]);
  expect(groupUsage([])).toEqual([]);
});

it('draws minutes since the start in the unit of the kind', () => {
  const [cpu, memory] = groupUsage(SERIES).map((group) => drawUsage(group, START_S * 1000, chartColours('light')));
  expect(cpu?.xs).toEqual([0.25, 0.5]);
  expect(cpu?.lines.map(({ label, values, dash }) => [label, values, dash !== undefined])).toEqual([
    ['machine', [50, 60], true],
    ['process', [98, 99.5], false],
  ]);
  expect(cpu?.summary).toBe('CPU over time: machine at most 60 %, process at most 99.5 %.');
  expect(memory?.lines[0]?.values).toEqual([1, 1.5]);
});

it('draws disk and network as rates', () => {
  const groups = groupUsage([curve('read_disk_bytes_per_s', 2 ** 21), curve('sent_network_bytes_per_s', 2 ** 20)]);
  expect(groups.map(({ title, unit }) => [title, unit])).toEqual([
    ['Disk', 'MiB/s'],
    ['Network', 'MiB/s'],
  ]);
  const [disk] = groups.map((group) => drawUsage(group, START_S * 1000, chartColours('light')));
  expect(disk?.lines.map(({ label, values }) => [label, values])).toEqual([['read', [2]]]);
});
