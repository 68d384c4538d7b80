import { describe, expect, it } from 'vitest';
import { alignCurves, countNonFinite, drawCurves, growSeries, lookOf, mergePoints, type Curve } from './curves';
import { chartColours, colourOf } from './palette';

const colours = chartColours('light');
const curve = (id: number, state: string, steps: number[], values: number[]): Curve => ({ id, label: `Trial ${id}`, state, steps, values });

describe('mergePoints', () => {
  const old = curve(1, 'RUNNING', [1, 2], [0.5, 0.6]);

  it('appends', () => expect(mergePoints(old, [[3, 0.7], [4, 0.8]])).toMatchObject({ steps: [1, 2, 3, 4], values: [0.5, 0.6, 0.7, 0.8] }));

  it('never doubles a point: the same step is the same point', () => {
    const again = mergePoints(mergePoints(old, [[2, 0.65], [3, 0.7]]), [[2, 0.65], [3, 0.7]]);
    expect(again).toMatchObject({ steps: [1, 2, 3], values: [0.5, 0.65, 0.7] });
  });

  it('sorts what comes late or in disorder', () => {
    expect(mergePoints(old, [[5, 0.9], [3, 0.7]])).toMatchObject({ steps: [1, 2, 3, 5], values: [0.5, 0.6, 0.7, 0.9] });
    expect(mergePoints(old, [[0, 0.1]])).toMatchObject({ steps: [0, 1, 2], values: [0.1, 0.5, 0.6] });
  });

  it('takes the second of two values for one step in one batch', () => {
    expect(mergePoints(old, [[3, 0.7], [3, 0.75]])).toMatchObject({ steps: [1, 2, 3], values: [0.5, 0.6, 0.75] });
  });

  it('leaves the old curve as it was', () => {
    mergePoints(old, [[3, 0.7]]);
    expect(old.steps).toEqual([1, 2]);
  });
});

it('grows known metrics and starts new ones', () => {
  const begin = (metric: string): Curve => ({ ...curve(1, 'RUNNING', [], []), label: metric });
  const grown = growSeries([{ ...begin('loss'), steps: [1], values: [2] }], [['loss', 2, 1.5], ['accuracy', 2, 0.9]], begin);
  expect(grown.map(({ label, steps, values }) => [label, steps, values])).toEqual([
    ['loss', [1, 2], [2, 1.5]],
    ['accuracy', [2], [0.9]],
  ]);
});

it('puts curves with different steps on one axis; a gap is not a missing point', () => {
  const { xs, ys } = alignCurves([curve(1, 'RUNNING', [1, 3], [0.1, NaN]), curve(2, 'RUNNING', [2, 3], [0.2, Infinity])]);
  expect(xs).toEqual([1, 2, 3]);
  expect(ys).toEqual([
    [0.1, undefined, null],
    [undefined, 0.2, null],
  ]);
});

it('counts NaN and infinities', () => {
  expect(countNonFinite([curve(1, 'FAIL', [1, 2, 3], [NaN, 1, -Infinity]), curve(2, 'COMPLETE', [1], [1])])).toBe(2);
});

describe('lookOf', () => {
  const options = { metric: 'm', colours, bestId: 5 };
  const look = (id: number, state: string, nCurves = 20) => lookOf(curve(id, state, [], []), nCurves, options);

  it('makes running trials thick and coloured, pruned ones faded and dashed', () => {
    expect(look(1, 'RUNNING')).toEqual({ colour: colourOf(1, colours), width: 2.5 });
    expect(look(1, 'PRUNED')).toEqual({ colour: colours.faded, width: 1.25, dash: [5, 4] });
    expect(look(1, 'FAIL').dash).toEqual([2, 3]);
  });

  it('singles out the best', () => expect(look(5, 'COMPLETE')).toEqual({ colour: colours.best, width: 2.5 }));

  it('turns finished ones grey when there are many', () => {
    expect(look(1, 'COMPLETE', 8).colour).toBe(colourOf(1, colours));
    expect(look(1, 'COMPLETE', 9).colour).toBe(colours.quiet);
  });
});

describe('drawCurves', () => {
  it('draws the best and running ones on top, each line with its own values', () => {
    const curves = [curve(1, 'RUNNING', [1], [0.1]), curve(2, 'COMPLETE', [1], [0.9]), curve(3, 'PRUNED', [1], [0.3]), curve(4, 'COMPLETE', [1], [0.4])];
    const { lines } = drawCurves(curves, { metric: 'm', colours, bestId: 2 });
    expect(lines.map(({ key, values }) => [key, values[0]])).toEqual([[3, 0.3], [4, 0.4], [1, 0.1], [2, 0.9]]);
  });

  it('says in words what it shows', () => {
    const curves = [curve(1, 'RUNNING', [1, 2], [0.25, NaN]), curve(2, 'COMPLETE', [1], [0.75])];
    expect(drawCurves(curves, { metric: 'val_loss', colours }).summary).toBe('2 curves of val_loss up to step 2, 1 running, values from 0.25 to 0.75.');
    expect(drawCurves([], { metric: 'val_loss', colours }).summary).toBe('No points of val_loss yet.');
  });
});

it('gives a trial the same colour always, in a palette that is spread evenly', () => {
  expect(colourOf(42, colours)).toBe(colourOf(42, colours));
  const used = new Map<string, number>();
  for (let id = 0; id < 700; id += 1) used.set(colourOf(id, colours), (used.get(colourOf(id, colours)) ?? 0) + 1);
  expect(used.size).toBe(colours.lines.length);
  expect(Math.min(...used.values())).toBeGreaterThan(70);
});
