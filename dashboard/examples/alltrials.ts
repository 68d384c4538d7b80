/** Examples of charts of all trials: their parameters against each other and against the objectives. */
import type { ScatterPicture } from '$charts/canvas/picture';
import ScatterChart from '$charts/canvas/ScatterChart.svelte';
import { drawContour } from '$charts/contour';
import { drawFront, frontOf } from '$charts/front';
import { drawFront3d } from '$charts/front3d';
import Interactions from '$charts/Interactions.svelte';
import { chartColours } from '$charts/palette';
import { makeAxis, matchBrushes, type Brush } from '$charts/parallel';
import Parallel from '$charts/Parallel.svelte';
import { drawRank, ranksOf } from '$charts/rank';
import Shares from '$charts/Shares.svelte';
import { drawSlice } from '$charts/slice';
import type { ObjectiveValues, ParamValues, TrialSet } from '$charts/trials';
import { viridisSteps } from '$charts/viridis';
import { axesOf, N_COLOURS, paintBy } from '$features/study/parallel';
import type { Theme } from '$lib/theme.svelte';
import { scene, type Scene } from './scene';
import { FEW, OF_THREE, OF_TWO, SEARCH } from './trials';

const none = (): void => undefined;

function objectiveOf(trials: TrialSet, place = 0): ObjectiveValues {
  const found = trials.objectives[place];
  if (!found) throw new Error(`there is no objective ${place}`);
  return found;
}

function paramOf(name: string): ParamValues {
  const found = SEARCH.params.find((param) => param.name === name);
  if (!found) throw new Error(`there is no parameter ${name}`);
  return found;
}

const scatter = (name: string, draw: (theme: Theme) => ScatterPicture, height: number): Scene =>
  scene(name, ScatterChart, (theme) => ({ picture: draw(theme), height }));

const objective = objectiveOf(SEARCH);
const [rate, dropout] = [paramOf('learning_rate'), paramOf('dropout')];
const front = frontOf(OF_TWO, OF_TWO.objectives);

/** From a thousandth to a hundredth, in powers of ten as the axis counts. */
const BRUSHES: readonly Brush[] = [{ key: 'learning_rate', low: -3, high: -2 }];
const AXES = axesOf(FEW).map(makeAxis);

export const OF_ALL_TRIALS: readonly Scene[] = [
  scene('parallel', Parallel, (theme) => {
    const mask = matchBrushes(AXES, BRUSHES, FEW.n);
    const colours = chartColours(theme);
    return {
      axes: AXES,
      brushes: BRUSHES,
      mask,
      paint: { buckets: paintBy(FEW, 0).buckets, colours: [...viridisSteps(N_COLOURS, theme), colours.quiet], dashed: new Set([N_COLOURS]) },
      quiet: colours.faded,
      hovered: null,
      summary: 'Parallel coordinates of a search with a brush on the learning rate.',
      onbrush: none,
      onorder: none,
      onhover: none,
      onpick: none,
    };
  }),
  scene('importance', Shares, () => ({
    label: 'Importance of the parameters',
    shares: [
      { name: 'learning_rate', share: 0.61, spread: 0.05 },
      { name: 'dropout', share: 0.24, spread: 0.04 },
      { name: 'hidden_units', share: 0.11, spread: 0.03 },
      { name: 'optimizer', share: 0.04, spread: 0.02 },
    ],
  })),
  scene('interactions', Interactions, () => ({
    shares: [
      { name: 'learning_rate', share: 0.52, spread: 0.04 },
      { name: 'dropout', share: 0.16, spread: 0.03 },
      { name: 'hidden_units', share: 0.07, spread: 0.02 },
    ],
    pairs: [
      { first: 'learning_rate', second: 'dropout', share: 0.14, spread: 0.02 },
      { first: 'learning_rate', second: 'hidden_units', share: 0.05, spread: 0.02 },
      { first: 'dropout', second: 'hidden_units', share: 0.002, spread: 0.001 },
    ],
  })),
  scatter('slice', (theme) => drawSlice(SEARCH, { objective, param: rate, theme }), 280),
  scatter('contour', (theme) => drawContour(SEARCH, { objective, x: rate, y: dropout, theme }).picture, 360),
  scatter('rank', (theme) => drawRank(SEARCH, { objective, x: paramOf('hidden_units'), y: paramOf('optimizer'), theme, ranks: ranksOf(SEARCH, objective) }), 260),
  scatter(
    'front',
    (theme) =>
      drawFront(OF_TWO, { x: objectiveOf(OF_TWO, 1), y: objectiveOf(OF_TWO), front, reference: { val_accuracy: 0.72, latency_ms: 52 }, isWhole: true, theme }),
    340,
  ),
  scatter(
    'cloud',
    (theme) =>
      drawFront3d(OF_THREE, {
        objectives: [objectiveOf(OF_THREE), objectiveOf(OF_THREE, 1), objectiveOf(OF_THREE, 2)],
        front: frontOf(OF_THREE, OF_THREE.objectives),
        turn: { yaw: -0.6, pitch: 0.45 },
        theme,
      }),
    360,
  ),
];
