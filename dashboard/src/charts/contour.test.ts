import { describe, expect, it } from 'vitest';
import { between, fieldAt } from './canvas/paint';
import { drawContour } from './contour';
import { MIXED, trialsOf } from './examples';

/** A grid of trials whose value grows with x alone, over the left half of both axes, and one far away. */
const rows = [
  ...Array.from({ length: 100 }, (_, i) => ({ values: [(i % 10) / 10], params: { x: (i % 10) / 20, y: Math.floor(i / 10) / 20 } })),
  { values: [0.45], params: { x: 1, y: 1 } },
];
const trials = trialsOf([['value', 'maximize']], rows);

function contourOf(set: typeof trials, direction: 'minimize' | 'maximize', names: readonly [string, string] = ['x', 'y']): ReturnType<typeof drawContour> {
  const [objective] = set.objectives;
  const [x, y] = names.map((name) => set.params.find((one) => one.name === name));
  if (!objective || !x || !y) throw new Error('empty');
  return drawContour(set, { objective: { ...objective, direction }, x, y, theme: 'light' });
}

function at({ picture: { field } }: ReturnType<typeof drawContour>, across: number, up: number): number {
  if (!field) throw new Error('no field');
  return fieldAt(field, between(across, field.nColumns, field.isStepX), between(up, field.nRows, field.isStepY));
}

describe('drawContour', () => {
  it('follows the values, bright where they are good', () => {
    const contour = contourOf(trials, 'maximize');
    expect(at(contour, 0.1, 0.2)).toBeLessThan(0.4);
    expect(at(contour, 0.42, 0.2)).toBeGreaterThan(0.6);
    expect(at(contourOf(trials, 'minimize'), 0.1, 0.2)).toBeGreaterThan(0.6);
  });

  it('draws nothing where nothing is known', () => {
    const contour = contourOf(trials, 'maximize');
    expect(at(contour, 0.1, 0.9)).toBeNaN();
    expect(at(contour, 0.9, 0.1)).toBeNaN();
    expect(at(contour, 0.955, 0.955)).toBeCloseTo(0.5, 1); // the far trial's own value, in the middle of the colours
  });

  it('does not let one that diverged take all colours', () => {
    const broken = trialsOf([['value', 'minimize']], [...rows, { values: [1e9], params: { x: 0.3, y: 0.3 } }]);
    expect(contourOf(broken, 'minimize').scale).toEqual({ worst: 0.9, best: 0 });
  });

  it('never mixes choices', () => {
    const words = trialsOf([['value', 'maximize']], [0, 1, 0, 1, 0, 1].map((good, i) => ({ values: [good], params: { x: i / 5, act: good ? 'relu' : 'tanh' } })));
    const contour = contourOf(words, 'maximize', ['x', 'act']);
    expect([at(contour, 0.5, 0.25), at(contour, 0.5, 0.75)]).toEqual([1, 0]);
  });

  it('rests on results alone', () => {
    const { picture, scale } = contourOf(MIXED, 'maximize', ['rate', 'momentum']);
    expect(picture.summary).toBe('val_accuracy over rate and momentum, estimated from 4 results; 4 trials drawn.');
    expect(scale).toEqual({ worst: 0.7, best: 0.9 });
    expect(contourOf(trialsOf([['value', 'maximize']], [{ values: [NaN], state: 'RUNNING', params: { x: 1, y: 1 } }]), 'maximize').scale).toBeNull();
  });
});
