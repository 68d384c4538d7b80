import { describe, expect, it } from 'vitest';
import { pan, readSpan, scaleOf, valueAt, writeSpan, zoom } from './axis';

describe('scaleOf and valueAt', () => {
  it.each([false, true])('are each other turned round (logarithmic: %s)', (isLog) => {
    const axis = { low: 0.01, high: 100, size: 400, isLog };
    for (const px of [0, 100, 250, 400]) expect(scaleOf(axis)(valueAt(axis, px))).toBeCloseTo(px, 9);
  });
  it('puts decades at equal distances', () => expect(scaleOf({ low: 1, high: 100, size: 200, isLog: true })(10)).toBeCloseTo(100, 9));
  it('has no place for 0 on a logarithmic axis', () => expect(scaleOf({ low: 1, high: 100, size: 200, isLog: true })(0)).toBeNaN());
});

describe('zoom and pan', () => {
  const bounds = { low: 0, high: 100 };
  it('keeps what is under the pointer where it is', () => {
    expect(zoom({ low: 20, high: 60 }, 0.5, 0.25, bounds)).toEqual({ low: 25, high: 45 });
  });
  it('is no zoom any more once all is shown', () => expect(zoom({ low: 10, high: 90 }, 2, 0.5, bounds)).toBeNull());
  it('stops at the end', () => expect(pan({ low: 80, high: 100 }, 0.5, bounds)).toEqual({ low: 80, high: 100 }));
  it('moves by a share of what is shown', () => expect(pan({ low: 20, high: 40 }, -0.5, bounds)).toEqual({ low: 10, high: 30 }));
});

describe('spans in the address', () => {
  it('are read as they are written', () => expect(readSpan(writeSpan({ low: 1.5, high: 20 }))).toEqual({ low: 1.5, high: 20 }));
  it.each([null, '', '5', '9,3', 'a,b', '1,2,3', '1,'])('are none where %s says none', (text) => expect(readSpan(text)).toBeNull());
});
