import { describe, expect, it } from 'vitest';
import { nearestPoint, shapeOf, spotAt, type Line, type Picture } from './picture';

const line = (key: number, values: Line['values'], colour = '#000'): Line => ({ key, label: `Trial ${key}`, values, mark: 'line', colour, width: 1 });
const picture: Picture = { xs: [0, 10, 20], lines: [line(1, [0, 10, 20]), line(2, [undefined, 40, null])], xLabel: 'step', yLabel: 'm', summary: '' };
const at = (left: number, top: number) => ({ left, top, toLeft: (x: number) => x * 10, toTop: (y: number) => 500 - y * 10 });

describe('nearestPoint', () => {
  it('finds the point under the pointer, over all lines', () => {
    expect(nearestPoint(picture, at(102, 395))).toEqual({ line: 0, index: 1 });
    expect(nearestPoint(picture, at(98, 104))).toEqual({ line: 1, index: 1 });
  });
  it('finds none out of reach', () => expect(nearestPoint(picture, at(50, 50))).toBeNull());
  it('passes over gaps and missing points', () => expect(nearestPoint(picture, at(200, 500), 10)).toBeNull());
  it('prefers the line on top', () => {
    const twins = { ...picture, lines: [line(1, [0, 1, 2]), line(2, [0, 1, 2])] };
    expect(nearestPoint(twins, at(0, 500))).toEqual({ line: 1, index: 0 });
  });
});

describe('spotAt', () => {
  it('resolves a hit', () => expect(spotAt(picture, { line: 0, index: 2 })).toMatchObject({ x: 20, y: 20, line: { key: 1 } }));
  it.each([null, { line: 1, index: 2 }, { line: 9, index: 0 }, { line: 0, index: 9 }])('is null for %j', (hit) => {
    expect(spotAt(picture, hit)).toBeNull();
  });
});

it('keeps its shape while only data change', () => {
  const grown = { ...picture, xs: [0, 10, 20, 30], lines: [line(1, [0, 1, 2, 3]), line(2, [])] };
  expect(shapeOf(grown)).toBe(shapeOf(picture));
  expect(shapeOf({ ...picture, lines: [line(1, [], '#f00'), line(2, [])] })).not.toBe(shapeOf(picture));
  expect(shapeOf({ ...picture, lines: [line(1, [])] })).not.toBe(shapeOf(picture));
});
