import { describe, expect, it } from 'vitest';
import { BASELINE_LINE, BEST_LINE, bestSoFar, chosenSpots, COMPLETE_LINE, drawHistory, PRUNED_LINE, type HistoryPoint } from './history';
import { chartColours } from './palette';

const point = (number: number, state: string, value: number | null): HistoryPoint => ({ number, state, value });
const POINTS = [
  point(0, 'FAIL', null),
  point(1, 'COMPLETE', 0.5),
  point(2, 'PRUNED', 0.9),
  point(3, 'COMPLETE', NaN),
  point(4, 'COMPLETE', 0.4),
  point(5, 'RUNNING', null),
  point(6, 'COMPLETE', 0.7),
];

describe('bestSoFar', () => {
  it('counts completed trials with finite values only, upwards', () => {
    expect(bestSoFar(POINTS, 'maximize')).toEqual([null, 0.5, 0.5, 0.5, 0.5, 0.5, 0.7]);
  });
  it('goes downwards where less is better', () => {
    expect(bestSoFar(POINTS, 'minimize')).toEqual([null, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4]);
  });
  it('is empty for no trials', () => expect(bestSoFar([], 'maximize')).toEqual([]));
});

describe('drawHistory', () => {
  const options = { metric: 'val_accuracy', direction: 'maximize', colours: chartColours('dark') } as const;

  it('sorts by number and gives each state its own dots', () => {
    const { xs, lines } = drawHistory([...POINTS].reverse(), options);
    expect(xs).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const values = new Map(lines.map((line) => [line.key, line.values]));
    expect(values.get(PRUNED_LINE)?.[2]).toBe(0.9);
    expect(values.get(COMPLETE_LINE)).toEqual([undefined, 0.5, undefined, undefined, 0.4, undefined, 0.7]);
    expect(values.get(BEST_LINE)?.at(-1)).toBe(0.7);
  });

  it('tells how many trials there are where it is given a part of them', () => {
    expect(drawHistory(POINTS, options).summary).toContain('3 completed trials; the best val_accuracy so far is 0.7');
    expect(drawHistory(POINTS, { ...options, nComplete: 34822 }).summary).toContain('34822 completed trials; the best val_accuracy so far is 0.7');
  });

  it('draws baselines as level lines', () => {
    const { lines } = drawHistory(POINTS, { ...options, baselines: [{ label: 'mean', value: 0.3 }] });
    const values = new Map(lines.map((line) => [line.key, line.values]));
    expect(values.get(BASELINE_LINE)).toEqual(Array.from({ length: 7 }, () => 0.3));
  });

  it('says in words what it shows', () => {
    expect(drawHistory(POINTS, options).summary).toBe('3 completed trials; the best val_accuracy so far is 0.7 (maximize).');
    expect(drawHistory([], options).summary).toBe('No trial has completed yet.');
  });
});

describe('chosenSpots', () => {
  it('has the chosen trials that the chart draws', () => {
    expect(chosenSpots(POINTS, new Set([2, 3, 4, 5]))).toEqual({ xs: Float64Array.of(2, 4), ys: Float64Array.of(0.9, 0.4) });
  });
  it('is empty where nothing is chosen', () => expect(chosenSpots(POINTS, null).xs).toHaveLength(0));
});
