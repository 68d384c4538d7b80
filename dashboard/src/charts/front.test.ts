import { describe, expect, it } from 'vitest';
import { THREE, TWO } from './examples';
import { DOMINATED_LOOK, drawFront, FRONT_LOOK, frontOf, INFEASIBLE_FRONT_LOOK } from './front';
import { drawFront3d, project, turned } from './front3d';
import type { ObjectiveValues } from './trials';

const [x, y] = TWO.objectives as [ObjectiveValues, ObjectiveValues];
const front = frontOf(TWO, TWO.objectives);

describe('frontOf', () => {
  it('keeps whom nobody beats in both; the infeasible and the unknown do not count', () => {
    expect(front).toEqual([0, 1, 2]);
    expect(frontOf(TWO, [x])).toEqual([0]);
  });

  it('keeps equal ones together', () => {
    const twice = { ...TWO, objectives: TWO.objectives.map((one) => ({ ...one, values: one.values.map((value, i) => (i === 3 ? (one.values[2] ?? 0) : value)) })) };
    expect(frontOf(twice, twice.objectives)).toEqual([0, 1, 2, 3]);
  });

  it('agrees with comparing all pairs', () => {
    const n = 200;
    const column = (k: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.floor(((i * (0.618 + 0.17 * k)) % 1) * 12));
    const objectives = [0, 1, 2].map((k): ObjectiveValues => ({ metric: `m${k}`, direction: k === 1 ? 'maximize' : 'minimize', values: column(k) }));
    const set = { n, numbers: Int32Array.from({ length: n }, (_, i) => i), states: Array<string>(n).fill('COMPLETE'), objectives, params: [], isFeasible: new Uint8Array(n).fill(1) };
    const cost = (i: number, k: number): number => (k === 1 ? -1 : 1) * (objectives[k]?.values[i] ?? NaN);
    const beats = (a: number, b: number): boolean => [0, 1, 2].every((k) => cost(a, k) <= cost(b, k)) && [0, 1, 2].some((k) => cost(a, k) < cost(b, k));
    const expected = [...set.numbers].filter((i) => ![...set.numbers].some((j) => beats(j, i)));
    expect(frontOf(set, objectives)).toEqual(expected);
  });
});

describe('drawFront', () => {
  it('tells front, dominated and infeasible apart', () => {
    const picture = drawFront(TWO, { x, y, front, reference: null, isWhole: true, theme: 'light' });
    expect([...picture.keys]).toEqual([0, 1, 2, 3, 4]);
    expect([...picture.styles]).toEqual([FRONT_LOOK, FRONT_LOOK, FRONT_LOOK, DOMINATED_LOOK, INFEASIBLE_FRONT_LOOK]);
    expect(picture.nHidden).toBe(1);
    expect(picture.summary).toBe('latency_ms (minimize) against val_accuracy (maximize): 5 trials, 3 of them on the front.');
  });

  it('steps along the worse side of the front, and on to the reference point', () => {
    const reference = { val_accuracy: 0.6, latency_ms: 40 };
    const { paths, x: across, y: up } = drawFront(TWO, { x, y, front, reference, isWhole: true, theme: 'light' });
    const [edge, line] = paths ?? [];
    expect([line?.xs, line?.ys]).toEqual([
      [0.8, 0.8, 0.85, 0.85, 0.9],
      [10, 20, 20, 30, 30],
    ]);
    expect([edge?.xs, edge?.ys]).toEqual([
      [0.9, 0.9, 0.6, 0.6, 0.8],
      [30, 40, 40, 10, 10],
    ]);
    expect(across.low).toBeLessThan(0.6);
    expect(up.high).toBeGreaterThan(40);
  });

  it('draws no line through two of three objectives', () => {
    const [first, second] = THREE.objectives as [ObjectiveValues, ObjectiveValues];
    const whole = frontOf(THREE, THREE.objectives);
    expect(whole).toEqual([0, 1, 2]);
    expect(drawFront(THREE, { x: first, y: second, front: whole, reference: null, isWhole: false, theme: 'dark' }).paths).toEqual([]);
  });
});

describe('drawFront3d', () => {
  const objectives = THREE.objectives as unknown as readonly [ObjectiveValues, ObjectiveValues, ObjectiveValues];

  it('looks along an axis without a turn', () => {
    expect(project([0.1, 0.2, 0.3], { yaw: 0, pitch: 0 })).toEqual([0.1, 0.2]);
    const [right, up] = project([0.1, 0.2, 0.3], { yaw: Math.PI / 2, pitch: 0 });
    expect([right, up]).toEqual([expect.closeTo(0.3), 0.2]);
    const above = project([0.1, 0.2, 0.3], { yaw: 0, pitch: Math.PI / 2 });
    expect(above).toEqual([0.1, expect.closeTo(0.3)]);
  });

  it('never tips over', () => {
    expect(turned({ yaw: 0, pitch: 1.5 }, 0.1, 1)).toEqual({ yaw: 0.1, pitch: Math.PI / 2 });
  });

  it('draws marks, a cube and names within reach, however it is turned', () => {
    for (const yaw of [0, 1, 2.5, 4]) {
      const picture = drawFront3d(THREE, { objectives, front: [0, 1, 2], turn: { yaw, pitch: 0.6 }, theme: 'light' });
      expect(picture.paths).toHaveLength(12);
      expect([...picture.styles]).toEqual([FRONT_LOOK, FRONT_LOOK, FRONT_LOOK, DOMINATED_LOOK]);
      expect(picture.labels?.map(({ text }) => text)).toEqual(['val_accuracy', 'latency_ms', 'size_mb']);
      const drawn = [...picture.xs, ...picture.ys, ...(picture.paths ?? []).flatMap(({ xs, ys }) => [...xs, ...ys])];
      expect(Math.max(...drawn.map(Math.abs))).toBeLessThan(picture.x.high);
    }
  });
});
