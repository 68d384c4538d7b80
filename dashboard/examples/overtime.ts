/** Examples of charts over trials, epochs and time. */
import { chosenSpots, drawHistory } from '$charts/history';
import { drawEdf } from '$charts/edf';
import { marksOf } from '$charts/evidence';
import { drawField } from '$charts/field';
import FieldChart from '$charts/FieldChart.svelte';
import LineChart from '$charts/LineChart.svelte';
import { drawMembers } from '$charts/members';
import { drawOverlay } from '$charts/overlay';
import { chartColours } from '$charts/palette';
import { drawRegret } from '$charts/regret';
import { drawTimeline, type TimelineAttempt } from '$charts/timeline';
import TimelineChart from '$charts/TimelineChart.svelte';
import { drawUsage } from '$charts/usage';
import { BEST_NUMBER, COMPARED, CURVES, MEMORY, REPEATED, STARTED_AT_S } from './curves';
import { scene, type Scene } from './scene';
import { seeded } from './seeded';
import { HISTORY } from './trials';

const none = (): void => undefined;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

const OVERFIT = { kind: 'overfitting', title: 'Overfitting', evidence: { numbers: { best_epoch: 13, best_val_loss: 0.37 } } };

/** Best accuracy so far after n trials, of searches that approach the same end at another pace. */
const approach = (pace: number, off = 0): number[] => range(60).map((n) => 0.97 - off - 0.14 * Math.exp(-n / pace));
/** The study's own line stands still for some trials at a time. */
const stairs = approach(7).map((_, i, all) => all[i - (i % 6)] ?? 0);

const shares = (seed: number, n: number, best: number): { values: number[]; shares: number[] } => {
  const next = seeded(seed);
  const values = range(n).map(() => best - 0.22 * next() ** 2.5).sort((a, b) => a - b);
  return { values, shares: values.map((_, i) => (i + 1) / n) };
};

/** Seconds after the start, and how it ended; null: it still runs. */
type Try = readonly [from_s: number, to_s: number | null, state: string];

/** Two machines of two slots: trials side by side, pruned ones, a crash, one handed back, three that run. */
const TRIES: readonly (readonly Try[])[] = [
  [[0, 52, 'COMPLETE'], [54, 118, 'COMPLETE'], [120, 131, 'PRUNED'], [134, 205, 'COMPLETE'], [208, 268, 'COMPLETE'], [271, 286, 'PRUNED']],
  [[4, 17, 'PRUNED'], [20, 81, 'COMPLETE'], [84, 140, 'CRASHED'], [143, 196, 'COMPLETE'], [199, 260, 'COMPLETE'], [263, null, 'RUNNING']],
  [[10, 26, 'PRUNED'], [29, 88, 'COMPLETE'], [30, 72, 'COMPLETE'], [91, 144, 'COMPLETE'], [92, 103, 'PRUNED'], [147, 230, 'COMPLETE'], [233, null, 'RUNNING'], [234, null, 'RUNNING']],
  [[16, 79, 'COMPLETE'], [82, 130, 'COMPLETE'], [172, 186, 'PREEMPTED'], [190, 233, 'COMPLETE'], [236, 244, 'PRUNED'], [247, 298, 'COMPLETE']],
];

const attempts = (): TimelineAttempt[] =>
  TRIES.flatMap((tries, place) => tries.map((one) => ({ one, place })))
    .sort((a, b) => a.one[0] - b.one[0])
    .map(({ one: [from_s, to_s, state], place }, number) => ({
      attemptId: number,
      number,
      attemptNo: 1,
      state,
      reason: '',
      workerId: place < 2 ? 1 : 2,
      workerName: place < 2 ? 'gpu-1' : 'gpu-2',
      slot: place % 2,
      start_s: STARTED_AT_S + from_s,
      end_s: to_s === null ? null : STARTED_AT_S + to_s,
    }));

export const OVER_TIME: readonly Scene[] = [
  scene('history', LineChart, (theme) => {
    const baselines = [{ label: 'best baseline: logistic regression', value: 0.925 }];
    const picture = drawHistory(HISTORY, { metric: 'val_accuracy', direction: 'maximize', colours: chartColours(theme), baselines });
    return { picture, spots: () => chosenSpots(HISTORY, new Set([31, 52, 60])) };
  }),
  scene('curves', FieldChart, (theme) => ({
    field: drawField(CURVES, {
      metric: 'val_accuracy',
      colours: chartColours(theme),
      bestId: BEST_NUMBER,
      x: 'step',
      xLabel: 'epoch',
      isLogX: false,
      isLogY: false,
      smoothing: 0,
      chosen: null,
    }),
    span: null,
    hovered: null,
    onspan: none,
    onhover: none,
    onpick: none,
  })),
  scene('overlay', LineChart, (theme) => ({
    picture: drawOverlay(COMPARED, { metric: 'val_accuracy', colours: chartColours(theme), smoothing: 0, isLog: false, chosenId: 5 }),
    height: 240,
  })),
  scene('evidence', LineChart, (theme) => ({
    picture: drawMembers(REPEATED, 'val_loss', chartColours(theme), { smoothing: 0, isLog: false, marks: marksOf([OVERFIT], 'val_loss') }),
    height: 240,
  })),
  scene('usage', LineChart, (theme) => ({
    picture: drawUsage({ title: 'Memory', unit: 'GiB', curves: MEMORY }, STARTED_AT_S * 1000, chartColours(theme)),
    height: 220,
  })),
  scene('regret', LineChart, (theme) => ({
    picture: drawRegret(
      {
        n_finished: range(60),
        study: stairs,
        random: { mean: approach(14, 0.012), low: approach(18, 0.022), high: approach(11, 0.004) },
        shuffled: { mean: approach(10, 0.006) },
      },
      { yLabel: 'best val_accuracy', colours: chartColours(theme) },
    ),
  })),
  scene('edf', LineChart, (theme) => ({
    picture: drawEdf(
      [
        { name: 'digits-bayesian', ...shares(3, 40, 0.975) },
        { name: 'digits-random', ...shares(4, 40, 0.955) },
      ],
      { metric: 'val_accuracy', colours: chartColours(theme) },
    ),
    height: 260,
  })),
  scene('timeline', TimelineChart, () => ({ picture: drawTimeline(attempts(), STARTED_AT_S + 320) })),
];
