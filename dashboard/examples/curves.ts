/** Learning curves that nobody learned, by seed. */
import type { Curve } from '$charts/curves';
import type { TimedCurve } from '$charts/field';
import type { Forecast } from '$charts/forecast';
import { noise, seeded } from './seeded';

const N_EPOCHS = 30;

interface Course {
  readonly end: number;
  /** Epochs in which the way to the end shrinks to a third. */
  readonly pace: number;
  readonly nEpochs: number;
  readonly roughness: number;
}

/** An accuracy that rises to its end; the first epoch is 1. */
function rising({ end, pace, nEpochs, roughness }: Course, seed: number): { steps: number[]; values: number[] } {
  const normal = noise(seeded(seed));
  const steps = Array.from({ length: nEpochs }, (_, i) => i + 1);
  return { steps, values: steps.map((step) => end - (end - 0.35) * Math.exp(-step / pace) + roughness * normal()) };
}

function curve(number: number, state: string, course: Partial<Course>, forecast: Forecast | null = null): TimedCurve {
  const whole = { end: 0.9, pace: 4, nEpochs: N_EPOCHS, roughness: 0.008, ...course };
  return { id: number, label: `Trial ${number}`, state, ...rising(whole, 100 + number), times: null, forecast };
}

/** What is expected of a running trial that has come to epoch `from`. */
function expected(from: number, end: number): Forecast {
  const steps = Array.from({ length: 7 }, (_, i) => from + Math.round(((i + 1) * (N_EPOCHS - from)) / 7));
  const way = (step: number): number => (step - from) / (N_EPOCHS - from);
  const middle = steps.map((step) => end - 0.04 * (1 - way(step)));
  const room = steps.map((step) => 0.015 + 0.03 * way(step));
  return { step: from, chance: 0.4, band: { steps, middle, low: middle.map((y, i) => y - (room[i] ?? 0)), high: middle.map((y, i) => y + (room[i] ?? 0)) } };
}

/** A trial whose values stop being numbers for some epochs and go on. */
function broken(whole: TimedCurve): TimedCurve {
  return { ...whole, values: whole.values.map((value, i) => (i === 14 || i === 15 ? NaN : i === 20 ? Infinity : value)) };
}

export const BEST_NUMBER = 5;

/** Twelve trials: most complete, four pruned, one that diverged, one with values that are no numbers, two running. */
export const CURVES: readonly TimedCurve[] = [
  curve(0, 'COMPLETE', { end: 0.84, pace: 6 }),
  curve(1, 'PRUNED', { end: 0.55, pace: 3, nEpochs: 6 }),
  curve(2, 'PRUNED', { end: 0.66, pace: 6, nEpochs: 9 }),
  broken(curve(3, 'COMPLETE', { end: 0.79, pace: 5 })),
  curve(4, 'PRUNED', { end: 0.48, nEpochs: 3 }),
  curve(BEST_NUMBER, 'COMPLETE', { end: 0.962, pace: 3.5 }),
  curve(6, 'FAIL', { end: 0.6, pace: 2, nEpochs: 8, roughness: 0.04 }),
  curve(7, 'COMPLETE', { end: 0.93, pace: 5 }),
  curve(8, 'PRUNED', { end: 0.74, pace: 5, nEpochs: 12 }),
  curve(9, 'COMPLETE', { end: 0.9, pace: 3 }),
  curve(10, 'RUNNING', { end: 0.91, pace: 3, nEpochs: 14 }, expected(14, 0.94)),
  curve(11, 'RUNNING', { end: 0.88, pace: 5, nEpochs: 5 }),
];

/** Four trials side by side. */
export const COMPARED: readonly Curve[] = [
  curve(5, 'COMPLETE', { end: 0.96, pace: 3 }),
  curve(7, 'COMPLETE', { end: 0.93, pace: 5 }),
  curve(21, 'COMPLETE', { end: 0.9, pace: 8 }),
  curve(34, 'PRUNED', { end: 0.8, pace: 9, nEpochs: 16 }),
];

/** A loss that falls and climbs again, of a trial and its three repeats. */
export const REPEATED: readonly Curve[] = ['val_loss', 'val_loss@r0f0', 'val_loss@r1f0', 'val_loss@r2f0'].map((label, id) => {
  const normal = noise(seeded(40 + id));
  const steps = Array.from({ length: 40 }, (_, i) => i + 1);
  const fall = (step: number): number => 0.32 + 1.3 * Math.exp(-step / 4) + 0.006 * Math.max(0, step - 13);
  return { id, label, state: 'COMPLETE', steps, values: steps.map((step) => fall(step) + (id === 0 ? 0.004 : 0.02) * normal()) };
});

const GIB = 2 ** 30;
/** Time of day does not matter: curves are drawn over the minutes since this. */
export const STARTED_AT_S = 1_760_000_000;

/** What a training took of its machine's memory. */
export const MEMORY: readonly Curve[] = [
  { label: 'system/process_memory_bytes', most: 3.1 },
  { label: 'system/machine_memory_bytes', most: 9.4 },
].map(({ label, most }, id) => {
  const normal = noise(seeded(70 + id));
  const steps = Array.from({ length: 60 }, (_, i) => STARTED_AT_S + 10 * i);
  return { id, label, state: 'COMPLETE', steps, values: steps.map((_, i) => GIB * (most * (1 - 0.6 * Math.exp(-i / 6)) + 0.08 * normal())) };
});
