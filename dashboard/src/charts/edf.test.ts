import { describe, expect, it } from 'vitest';
import { drawEdf } from './edf';
import { chartColours } from './palette';

const options = { metric: 'val_accuracy', colours: chartColours('light') };

describe('drawEdf', () => {
  it('puts studies over one axis', () => {
    const own = { name: 'own', values: [0.1, 0.5, 0.9], shares: [0.25, 0.75, 1] };
    const other = { name: 'other', values: [0.2, 0.5], shares: [0.5, 1] };
    const { xs, lines, isXContinuous, summary } = drawEdf([own, other], options);
    expect(isXContinuous).toBe(true);
    expect(xs).toEqual([0.1, 0.2, 0.5, 0.9]);
    expect(lines.map(({ label, values }) => [label, values])).toEqual([
      ['own', [0.25, undefined, 0.75, 1]],
      ['other', [undefined, 0.5, 1, 1]], // all of it lies below what only the first one reaches
    ]);
    expect(new Set(lines.map(({ dash }) => dash?.join())).size).toBe(2);
    expect(summary).toBe('Half of the complete trials have val_accuracy at or below: own 0.5, other 0.2.');
  });

  it('bears nothing', () => expect(drawEdf([], options).summary).toBe('No trial has completed yet.'));
});
