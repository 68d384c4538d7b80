import { describe, expect, it } from 'vitest';
import { develop, eraserOf, FULL, layLine, makeInk, MAX_LINES, penOf, weightAt, type Ink } from './ink';

/** Of each pixel by row. */
const weights = (ink: Ink): number[] => Array.from({ length: ink.width * ink.height }, (_, i) => weightAt(ink, i % ink.width, Math.floor(i / ink.width)));
const RED = penOf('#ff0000');
const WHITE = penOf('#ffffff');

describe('layLine', () => {
  it('lays one pixel of ink a column, its last end left out', () => {
    const ink = makeInk(6, 3);
    layLine(ink, RED, 1, 1.5, 5, 1.5);
    expect(weights(ink)).toEqual([...Array<number>(6).fill(0), 0, FULL, FULL, FULL, FULL, 0, ...Array<number>(6).fill(0)]);
  });

  it('shares a column between the two pixels that the line lies between', () => {
    const ink = makeInk(1, 3);
    layLine(ink, RED, 0, 1.75, 1, 1.75);
    expect(weights(ink)).toEqual([0, 0.75 * FULL, 0.25 * FULL]);
  });

  it('goes by rows where it is steep', () => {
    const ink = makeInk(3, 50);
    layLine(ink, RED, 1.5, 0, 1.5, 50);
    expect(weights(ink).filter((weight) => weight === FULL)).toHaveLength(50);
  });

  it('is the same line from either end', () => {
    const [forth, back] = [makeInk(40, 20), makeInk(40, 20)];
    layLine(forth, RED, 2.3, 17.1, 33.8, 4.4);
    layLine(back, RED, 33.8, 4.4, 2.3, 17.1);
    expect(back.sums).toEqual(forth.sums);
  });

  it('leaves nothing behind when it is taken away, whatever was laid meanwhile', () => {
    const [whole, part] = [makeInk(40, 20), makeInk(40, 20)];
    const pen = penOf('rgba(10, 200, 30, 0.45)');
    for (const [x0, y0, x1, y1] of [[0.2, 3.7, 39, 18.2], [5, 19.9, 12.3, -4]] as const) {
      layLine(whole, pen, x0, y0, x1, y1);
      layLine(whole, RED, y0, x0, y1, x1);
      layLine(whole, eraserOf(pen), x0, y0, x1, y1);
      layLine(part, RED, y0, x0, y1, x1);
    }
    expect(whole.sums).toEqual(part.sums);
    expect(part.sums.some((sum) => sum > 0)).toBe(true);
  });

  it('keeps within the paper', () => {
    const ink = makeInk(10, 10);
    layLine(ink, RED, -50, -20, 60, 30);
    layLine(ink, RED, 5, -500, 6, 500);
    layLine(ink, RED, 20, 3, 30, 4);
    layLine(ink, RED, 1e9, 5, -1e9, 6);
    expect(weights(ink).reduce((sum, weight) => sum + weight, 0)).toBe(30 * FULL);
  });
});

describe('penOf', () => {
  it('reads the colours of charts; opacity and strength are weight', () => {
    expect(penOf('#336699')).toEqual(penOf('rgb(51 102 153)'));
    expect(penOf('#336699').weight).toBe(FULL);
    expect(penOf('#336699', 0.5)).toEqual(penOf('rgba(51, 102, 153, 0.5)'));
    expect(penOf('rgba(51, 102, 153, 0.25)').weight).toBe(FULL / 4);
    expect(penOf('#336699')).not.toEqual(penOf('#336600'));
  });
});

describe('develop', () => {
  it('hides more where more lines lie, and mixes their colours', () => {
    const ink = makeInk(3, 1);
    layLine(ink, RED, 0, 0.5, 2, 0.5);
    layLine(ink, penOf('#0000ff'), 1, 0.5, 2, 0.5);
    const data = new Uint8ClampedArray(12);
    develop(ink, 0.5, data);
    expect([...data]).toEqual([255, 0, 0, 128, 128, 0, 128, 191, 0, 0, 0, 0]);
  });

  it('keeps colours apart where very many lines cross', () => {
    const ink = makeInk(1, 1);
    for (let n = 0; n < MAX_LINES; n += 1) layLine(ink, WHITE, 0, 0.5, 1, 0.5);
    const data = new Uint8ClampedArray(4);
    develop(ink, 0.1, data);
    expect([...data]).toEqual([255, 255, 255, 255]);
  });

  it('clears what is empty now', () => {
    const data = new Uint8ClampedArray(4).fill(255);
    develop(makeInk(1, 1), 0.5, data);
    expect(data[3]).toBe(0);
  });
});
