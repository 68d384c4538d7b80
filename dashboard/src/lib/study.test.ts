import { expect, it } from 'vitest';
import { hasEnded, phasesOf } from './study';

const counts = { WAITING: 5, RUNNING: 2, COMPLETE: 7, PRUNED: 0, FAIL: 1 };

it('counts paused trials apart from those that wait', () => {
  expect(phasesOf(counts, 3)).toEqual([['waiting', 2], ['paused', 3], ['running', 2], ['complete', 7], ['fail', 1]]);
  expect(phasesOf(counts, 5).map(([phase]) => phase)).not.toContain('waiting');
  expect(phasesOf(counts, null)[0]).toEqual(['waiting', 5]);
});

it('knows that a paused trial has not ended', () => {
  expect(['WAITING', 'PAUSED', 'RUNNING', undefined].filter(hasEnded)).toEqual([]);
  expect(['COMPLETE', 'PRUNED', 'FAIL'].every(hasEnded)).toBe(true);
});
