/** Pareto front of three objectives as a cloud that turns: a parallel projection, so that equal lengths stay equal. Pure. */
import { toUnit, type Axis } from './canvas/axis';
import type { Label, PathMark, ScatterPicture } from './canvas/picture';
import { markFront } from './front';
import { axisOfObjective, INKS, type Theme } from './marks';
import type { ObjectiveValues, TrialSet } from './trials';

export interface Turn {
  /** Around the upright axis, radians. */
  readonly yaw: number;
  /** Towards the reader, radians; positive: seen from above. */
  readonly pitch: number;
}

export type Point3 = readonly [number, number, number];

export interface Front3dOptions {
  readonly objectives: readonly [ObjectiveValues, ObjectiveValues, ObjectiveValues];
  /** Places that `frontOf` answers. */
  readonly front: readonly number[];
  readonly turn: Turn;
  readonly theme: Theme;
}

const REACH = 0.95;
const MOST_PITCH = Math.PI / 2;

/** Turn further; the view never tips over. */
export function turned({ yaw, pitch }: Turn, byYaw: number, byPitch: number): Turn {
  return { yaw: (yaw + byYaw) % (2 * Math.PI), pitch: Math.min(Math.max(pitch + byPitch, -MOST_PITCH), MOST_PITCH) };
}

/** Where a point of the cube from -0.5 to 0.5 is seen: [to the right, up]. The second axis of the cube is upright. */
export function project([x, y, z]: Point3, { yaw, pitch }: Turn): [number, number] {
  const right = x * Math.cos(yaw) + z * Math.sin(yaw);
  const away = -x * Math.sin(yaw) + z * Math.cos(yaw);
  return [right, y * Math.cos(pitch) + away * Math.sin(pitch)];
}

/** Draw the trials in the cube of three objectives, as seen after a turn. */
export function drawFront3d(trials: TrialSet, { objectives, front, turn, theme }: Front3dOptions): ScatterPicture {
  const axes = objectives.map((objective) => axisOfObjective(trials, objective));
  const [xs, ys] = [new Float64Array(trials.n), new Float64Array(trials.n)];
  const within = (k: 0 | 1 | 2, place: number): number => toUnit(axes[k] as Axis, objectives[k].values[place] ?? NaN) - 0.5;
  for (let place = 0; place < trials.n; place += 1) {
    [xs[place], ys[place]] = project([within(0, place), within(1, place), within(2, place)], turn);
  }
  const bare = { label: '', kind: 'linear', low: -REACH, high: REACH } as const;
  const names = objectives.map(({ metric }) => metric).join(', ');
  return {
    ...markFront(trials, xs, ys, front, theme),
    x: bare,
    y: bare,
    isSquare: true,
    paths: edges(turn, theme),
    labels: labelsOf(objectives, turn),
    summary: `${names} in three dimensions: ${front.length} trials on the front.`,
  };
}

const CORNERS: readonly Point3[] = [0, 1, 2, 3, 4, 5, 6, 7].map((i): Point3 => [(i & 1) - 0.5, ((i >> 1) & 1) - 0.5, ((i >> 2) & 1) - 0.5]);

/** The twelve edges of the cube; the three that start at its low corner, which are the axes, are drawn strong. */
function edges(turn: Turn, theme: Theme): PathMark[] {
  const pairs = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((from) => [1, 2, 4].filter((bit) => (from & bit) === 0).map((bit): [number, number] => [from, from | bit]));
  return pairs.map(([from, to]) => {
    const [a, b] = [project(CORNERS[from] ?? [0, 0, 0], turn), project(CORNERS[to] ?? [0, 0, 0], turn)];
    const isAxis = from === 0;
    return { xs: [a[0], b[0]], ys: [a[1], b[1]], rgb: isAxis ? INKS[theme].text : INKS[theme].quiet, width: isAxis ? 1.5 : 0.75, ...(isAxis ? {} : { dash: [3, 4] }) };
  });
}

/** Each objective's name at the high end of its axis. */
function labelsOf(objectives: Front3dOptions['objectives'], turn: Turn): Label[] {
  const ends: readonly Point3[] = [[0.6, -0.5, -0.5], [-0.5, 0.57, -0.5], [-0.5, -0.5, 0.6]];
  return objectives.map(({ metric }, k) => {
    const [x, y] = project(ends[k] ?? [0, 0, 0], turn);
    return { x, y, text: metric };
  });
}
