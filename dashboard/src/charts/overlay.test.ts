import { describe, expect, it } from 'vitest';
import type { Curve } from './curves';
import { drawOverlay, lookAt, MAX_LOOKS, type OverlayView } from './overlay';
import { chartColours } from './palette';

const colours = chartColours('light');
const view: OverlayView = { metric: 'val_loss', colours, smoothing: 0, isLog: false, chosenId: null };
const curve = (id: number, ...values: number[]): Curve => ({ id, label: `s #${id}`, state: 'COMPLETE', steps: values.map((_, i) => i + 1), values });

describe('drawOverlay', () => {
  it('gives eight trials looks that all differ', () => {
    const looks = Array.from({ length: MAX_LOOKS }, (_, place) => JSON.stringify(lookAt(place, MAX_LOOKS, false, colours)));
    expect(new Set(looks).size).toBe(MAX_LOOKS);
  });

  it('greys more than eight, puts the chosen one on top and breaks where a value is not finite', () => {
    const many = Array.from({ length: 9 }, (_, id) => curve(id, 1, id === 2 ? NaN : 0.5));
    const { lines } = drawOverlay(many, { ...view, chosenId: 2 });
    expect(lines.at(-1)).toMatchObject({ key: 2, colour: colours.best, values: [1, null] });
    expect(new Set(lines.slice(0, -1).map(({ colour }) => colour))).toEqual(new Set([colours.quiet]));
  });

  it('aligns curves of different length and tells where they end', () => {
    const picture = drawOverlay([curve(0, 3, 2, 1), curve(5, 4)], view);
    expect(picture.xs).toEqual([1, 2, 3]);
    expect(picture.lines[1]?.values).toEqual([4, undefined, undefined]);
    expect(picture.summary).toBe('val_loss over steps: s #0 ends at 1, s #5 ends at 4.');
    expect(drawOverlay([], view).summary).toBe('No points of val_loss.');
  });

  it('leaves out what a logarithmic axis has no place for, and smooths', () => {
    const picture = drawOverlay([curve(0, 0, 1, 1)], { ...view, isLog: true, smoothing: 0.5 });
    expect([picture.isLog, picture.lines[0]?.values]).toEqual([true, [null, 2 / 3, 6 / 7]]);
    expect(drawOverlay([curve(0, -1)], { ...view, isLog: true }).isLog).toBe(false);
  });
});
