import { describe, expect, it } from 'vitest';
import { sparkline } from './sparkline';

describe('sparkline', () => {
  it('steps from the first result to the last, the largest on top', () => {
    expect(sparkline([null, 0.5, 0.5, 1], 44, 24)).toEqual({ path: 'M12 22H22V22H32V2H42', end: { x: 42, y: 2 } });
  });

  it('runs through the middle where nothing changes', () => {
    expect(sparkline([3, 3], 24, 20)).toEqual({ path: 'M2 10H12V10H22', end: { x: 22, y: 10 } });
  });

  it('falls where less is better', () => {
    expect(sparkline([2, 1], 24, 24)?.path).toBe('M2 2H12V22H22');
  });

  it('is nothing without a result', () => {
    expect(sparkline([null, null], 24, 24)).toBeNull();
    expect(sparkline([], 24, 24)).toBeNull();
  });
});
