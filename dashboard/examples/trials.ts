/** Trials of searches that never ran: made by seed, so that each chart has something to show of all that it can show. */
import { trialsOf } from '$charts/examples';
import type { HistoryPoint } from '$charts/history';
import type { TrialSet } from '$charts/trials';
import { noise, seeded } from './seeded';

interface MadeTrial {
  readonly state: string;
  readonly isFeasible: boolean;
  readonly values: readonly number[];
  readonly params: Readonly<Record<string, number | string>>;
}

const N_TRIALS = 90;
/** From trial to trial the search draws closer to the best place. */
const WIDEST = 1;
const NARROWEST = 0.25;

/** A search of an MLP's settings: early trials lie everywhere, later ones around what was good. */
function searched(): MadeTrial[] {
  const next = seeded(11);
  const normal = noise(next);
  return Array.from({ length: N_TRIALS }, (_, number) => {
    const reach = WIDEST + ((NARROWEST - WIDEST) * number) / N_TRIALS;
    const near = (best: number): number => Math.min(1, Math.max(0, best + (next() - best) * reach));
    const [rate, dropout, units] = [10 ** (3.5 * near(0.55) - 4.5), 0.7 * near(0.35), Math.round(16 + 240 * near(0.6))];
    const isSgd = next() < 0.5 * reach;
    const loss = 0.035 * (Math.log10(rate) + 2.6) ** 2 + 0.6 * (dropout - 0.25) ** 2 + 0.05 * (1 - units / 256) + (isSgd ? 0.03 : 0);
    const value = 0.978 - loss - 0.006 * Math.abs(normal());
    return {
      ...ending(number, value, next()),
      params: { learning_rate: rate, dropout, hidden_units: units, optimizer: isSgd ? 'sgd' : 'adam', ...(isSgd ? { momentum: 0.99 * next() } : {}) },
    };
  });
}

/** Poor trials are mostly pruned, the odd one fails, some are too slow for a limit, and the last two still run. */
function ending(number: number, value: number, luck: number): Omit<MadeTrial, 'params'> {
  const isFeasible = luck > 0.06;
  if (number >= N_TRIALS - 2) return { state: 'RUNNING', values: [NaN], isFeasible: true };
  if (number % 29 === 17) return { state: 'FAIL', values: [NaN], isFeasible: true };
  if (value < 0.9 && luck > 0.3) return { state: 'PRUNED', values: [value - 0.08 * luck], isFeasible: true };
  return { state: 'COMPLETE', values: [value], isFeasible };
}

export const SEARCH: TrialSet = trialsOf([['val_accuracy', 'maximize']], searched(), ['learning_rate']);

/** As many of them as can be told apart as lines. */
export const FEW: TrialSet = trialsOf([['val_accuracy', 'maximize']], searched().slice(N_TRIALS - 32), ['learning_rate']);

/** The same trials as the history takes them. */
export const HISTORY: readonly HistoryPoint[] = SEARCH.states.map((state, place) => {
  return { number: place, state, value: SEARCH.objectives[0]?.values[place] ?? null };
});

/** Networks of many sizes: the larger, the better and the slower; some are worse for no reason. */
function weighed(): MadeTrial[] {
  const next = seeded(5);
  return Array.from({ length: 60 }, (_, number) => {
    const [size, waste] = [next(), next() ** 2];
    const [latency, megabytes] = [2 + 38 * size ** 1.4 + 8 * waste, 1 + 20 * size + 10 * next() ** 2];
    const accuracy = 0.99 - 0.16 * (1 - size) ** 1.8 - 0.09 * waste;
    const state = number % 13 === 5 ? 'PRUNED' : 'COMPLETE';
    return { state, isFeasible: number % 17 !== 8, values: [accuracy, latency, megabytes], params: { width: size } };
  });
}

export const OF_THREE: TrialSet = trialsOf(
  [
    ['val_accuracy', 'maximize'],
    ['latency_ms', 'minimize'],
    ['size_mb', 'minimize'],
  ],
  weighed(),
);

/** The first two of those objectives alone. */
export const OF_TWO: TrialSet = { ...OF_THREE, objectives: OF_THREE.objectives.slice(0, 2) };
