import { describe, expect, it } from 'vitest';
import { chartColours } from './palette';
import { drawRegret, HIGH_LINE, LOW_LINE, RANDOM_LINE, STUDY_LINE, worthOf } from './regret';

const options = { yLabel: 'val_accuracy', colours: chartColours('light') };
const band = { mean: [0.4, 0.5], low: [0.3, 0.4], high: [0.5, 0.6] };

describe('drawRegret', () => {
  it('draws the study on top of a band of random searches', () => {
    const { xs, lines, bands, summary } = drawRegret({ n_finished: [1, 2], study: [0.5, 0.7], random: band, shuffled: band }, options);
    expect(xs).toEqual([1, 2]);
    expect(lines.at(-1)?.key).toBe(STUDY_LINE);
    const keys = lines.map((line) => line.key);
    expect(bands).toEqual([{ upper: keys.indexOf(HIGH_LINE), lower: keys.indexOf(LOW_LINE), colour: options.colours.faded }]);
    expect(summary).toBe('After 2 finished trials the study is at 0.7 (val_accuracy); random search is expected at 0.5.');
  });

  it('turns the band round where less is better', () => {
    const random = { ...band, low: band.high, high: band.low };
    const { lines, bands } = drawRegret({ n_finished: [1, 2], study: [0.7, 0.5], random }, options);
    expect(bands?.map(({ upper }) => lines[upper]?.key)).toEqual([LOW_LINE]);
  });

  it('leaves out the first twentieth', () => {
    const after = Array.from({ length: 60 }, (_, i) => i + 1);
    const mean = after.map((n) => 1 / n);
    const { xs, lines } = drawRegret({ n_finished: after, study: mean, random: { mean, low: mean, high: mean } }, options);
    expect(xs[0]).toBe(3);
    expect(lines.map(({ values }) => [values.length, values[0]])).toEqual(lines.map(() => [58, 1 / 3]));
  });

  it('has no band where there is none', () => {
    const { lines, bands } = drawRegret({ n_finished: [1], study: [0.1], random: { mean: [0.2], low: null, high: null } }, options);
    expect(lines.map((line) => line.key)).toEqual([RANDOM_LINE, STUDY_LINE]);
    expect(bands).toEqual([]);
  });

  it('bears nothing', () => expect(drawRegret({ n_finished: [], study: [] }, options).summary).toBe('No trial has finished yet.'));
});

describe('worthOf', () => {
  it('says how many random trials do as well', () => {
    expect(worthOf(60, 310, false)).toBe('About 310 random trials do as well half of the time, 5.2 times as many as the study took.');
    expect(worthOf(60, 1386, true)).toContain('More than 1386 random trials');
    expect(worthOf(60, 70, false)).toBe('About 70 random trials do as well half of the time.');
    expect(worthOf(60, 41, false)).toContain('gained nothing');
    expect(worthOf(60, null, false)).toBeNull();
  });
});
