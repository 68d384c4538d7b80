import { describe, expect, it } from 'vitest';
import { isNearEnd, rowWindow } from './virtual';

describe('rowWindow', () => {
  it('draws a few of many rows, and spaces for the others', () => {
    expect(rowWindow(3700, 370, 37, 50_000, 5)).toEqual({ start: 95, end: 115, above: 95 * 37, below: (50_000 - 115) * 37 });
  });

  it.each([0, 37, 1000, 1e9, -50])('always adds up to the whole table (scrolled to %s)', (scrollTop) => {
    const part = rowWindow(scrollTop, 400, 37, 1000);
    expect(part.above + (part.end - part.start) * 37 + part.below).toBe(37_000);
    expect(part.start).toBeLessThanOrEqual(part.end);
  });

  it('draws all rows of a short table', () => {
    expect(rowWindow(0, 400, 37, 3)).toEqual({ start: 0, end: 3, above: 0, below: 0 });
  });

  it('covers the screen whatever the position', () => {
    for (let top = 0; top < 2000; top += 13) {
      const part = rowWindow(top, 400, 37, 1000);
      expect(part.start * 37).toBeLessThanOrEqual(top);
      expect(part.end * 37).toBeGreaterThanOrEqual(top + 400);
    }
  });
});

it('asks for the next page shortly before the end', () => {
  expect(isNearEnd(rowWindow(0, 400, 37, 100), 100)).toBe(false);
  expect(isNearEnd(rowWindow(65 * 37, 400, 37, 100), 100)).toBe(true);
});
