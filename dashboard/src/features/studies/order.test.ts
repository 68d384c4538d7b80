import { describe, expect, it } from 'vitest';
import { readOrder, writeOrder } from './order';

describe('the order of the list', () => {
  it('is read from the address, and is the newest first where that says nothing known', () => {
    expect(readOrder('-best')).toEqual({ order: 'best', isDescending: true });
    expect(readOrder('name')).toEqual({ order: 'name', isDescending: false });
    expect(readOrder(null)).toEqual(readOrder('speed'));
    expect(readOrder(null)).toEqual({ order: 'created', isDescending: true });
  });

  it('turns round at the second click, and leaves the address alone at its start', () => {
    expect(writeOrder('best', readOrder(null))).toBe('-best');
    expect(writeOrder('best', readOrder('-best'))).toBe('best');
    expect(writeOrder('name', readOrder(null))).toBe('name');
    expect(writeOrder('created', readOrder('name'))).toBeNull();
  });
});
