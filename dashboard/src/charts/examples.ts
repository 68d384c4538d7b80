/** Named examples of what charts of trials draw: tests hold the pictures to them, and figures can be made from them. */
import type { TimelineAttempt } from './timeline';
import type { ObjectiveValues, ParamValues, TrialSet } from './trials';

interface ExampleTrial {
  readonly state?: string;
  readonly isFeasible?: boolean;
  /** One number an objective; NaN: none. */
  readonly values: readonly number[];
  readonly params: Readonly<Record<string, number | string>>;
}

type Objectives = readonly (readonly [metric: string, direction: ObjectiveValues['direction']])[];

/** Put trials into columns; parameters whose values are words become categories, those named in `logs` are log. */
export function trialsOf(objectives: Objectives, rows: readonly ExampleTrial[], logs: readonly string[] = []): TrialSet {
  const names = [...new Set(rows.flatMap(({ params }) => Object.keys(params)))];
  return {
    n: rows.length,
    numbers: Int32Array.from(rows.keys()),
    states: rows.map(({ state }) => state ?? 'COMPLETE'),
    objectives: objectives.map(([metric, direction], k) => ({ metric, direction, values: Float64Array.from(rows, ({ values }) => values[k] ?? NaN) })),
    params: names.map((name) => columnOf(name, rows, logs.includes(name))),
    isFeasible: Uint8Array.from(rows, ({ isFeasible }) => (isFeasible === false ? 0 : 1)),
  };
}

function columnOf(name: string, rows: readonly ExampleTrial[], isLog: boolean): ParamValues {
  const values = rows.map(({ params }) => params[name]);
  const words = values.filter((value) => typeof value === 'string');
  if (words.length === 0) return { name, kind: 'number', isLog, values: Float64Array.from(values, (value) => (typeof value === 'number' ? value : NaN)) };
  const choices = [...new Set(words)].sort();
  return { name, kind: 'category', choices, codes: Int32Array.from(values, (value) => (typeof value === 'string' ? choices.indexOf(value) : -1)) };
}

/** Eight trials of one objective: one pruned, one failed, one that breaks a constraint, one that diverged. */
export const MIXED: TrialSet = trialsOf(
  [['val_accuracy', 'maximize']],
  [
    { values: [0.7], params: { rate: 0.001, act: 'relu', momentum: 0.5 } },
    { values: [0.9], params: { rate: 0.01, act: 'tanh' } },
    { values: [0.5], state: 'PRUNED', params: { rate: 0.1, act: 'relu', momentum: 0.9 } },
    { values: [NaN], state: 'FAIL', params: { rate: 0.05, act: 'relu', momentum: 0.1 } },
    { values: [0.95], isFeasible: false, params: { rate: 0.02, act: 'tanh' } },
    { values: [0.8], params: { rate: 0.003, act: 'relu', momentum: 0.2 } },
    { values: [NaN], state: 'RUNNING', params: { rate: 0.004, act: 'relu', momentum: 0.3 } },
    { values: [0.9], params: { rate: 0.03, act: 'relu', momentum: 0.4 } },
  ],
  ['rate'],
);

/** Six trials of two objectives, three of them on the front. */
export const TWO: TrialSet = trialsOf(
  [
    ['val_accuracy', 'maximize'],
    ['latency_ms', 'minimize'],
  ],
  [
    { values: [0.9, 30], params: { rate: 0.1 } },
    { values: [0.8, 10], params: { rate: 0.2 } },
    { values: [0.85, 20], params: { rate: 0.3 } },
    { values: [0.8, 25], params: { rate: 0.4 } },
    { values: [0.99, 5], isFeasible: false, params: { rate: 0.5 } },
    { values: [0.7, NaN], params: { rate: 0.6 } },
  ],
);

/** Four trials of three objectives; the last is beaten by the first. */
export const THREE: TrialSet = trialsOf(
  [
    ['val_accuracy', 'maximize'],
    ['latency_ms', 'minimize'],
    ['size_mb', 'minimize'],
  ],
  [
    { values: [0.9, 30, 5], params: { rate: 0.1 } },
    { values: [0.8, 10, 9], params: { rate: 0.2 } },
    { values: [0.7, 40, 1], params: { rate: 0.3 } },
    { values: [0.85, 31, 6], params: { rate: 0.4 } },
  ],
);

const attempt = (attemptId: number, change: Partial<TimelineAttempt>): TimelineAttempt => ({
  attemptId,
  number: attemptId,
  attemptNo: 1,
  state: 'COMPLETE',
  reason: '',
  workerId: 1,
  workerName: 'gpu-1',
  slot: 0,
  start_s: 0,
  end_s: 10,
  ...change,
});

/** Two workers: one slot that trains two trials side by side, a crash and its second attempt, one still running. */
export const ATTEMPTS: readonly TimelineAttempt[] = [
  attempt(0, { start_s: 0, end_s: 30 }),
  attempt(1, { start_s: 0, end_s: 12, state: 'PRUNED' }),
  attempt(2, { start_s: 12, end_s: 20, state: 'CRASHED', reason: 'killed by the kernel' }),
  attempt(3, { number: 2, attemptNo: 2, start_s: 30, end_s: null, state: 'RUNNING' }),
  attempt(4, { workerId: 2, workerName: 'gpu-10', slot: null, start_s: 5, end_s: 25, state: 'PREEMPTED' }),
];
