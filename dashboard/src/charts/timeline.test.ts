import { describe, expect, it } from 'vitest';
import { ATTEMPTS } from './examples';
import { barsWithin, barWords, drawTimeline, endingOf } from './timeline';

const picture = drawTimeline(ATTEMPTS, 40);
const barOf = (attemptId: number): (typeof picture.bars)[number] => {
  const found = picture.bars.find(({ attempt }) => attempt.attemptId === attemptId);
  if (!found) throw new Error(`no attempt ${attemptId}`);
  return found;
};

describe('drawTimeline', () => {
  it('gives what runs side by side in a slot a lane each, and fills them again', () => {
    expect(picture.lanes).toEqual(['gpu-1 · 0', '', 'gpu-10']);
    expect([0, 1, 2, 3, 4].map((id) => barOf(id).lane)).toEqual([0, 1, 1, 0, 2]);
  });

  it('lets running attempts reach to now', () => {
    expect(barOf(3)).toMatchObject({ from_s: 30, to_s: 40, ending: 'running' });
    expect([picture.low_s, picture.high_s]).toEqual([0, 40]);
  });

  it('never lets two bars of a lane overlap', () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ ...barOf(0).attempt, attemptId: i, start_s: (i * 37) % 100, end_s: ((i * 37) % 100) + 1 + (i % 23) }));
    const { bars } = drawTimeline(many, 200);
    const clashes = bars.filter((one) => bars.some((other) => other !== one && other.lane === one.lane && other.from_s < one.to_s && one.from_s < other.to_s));
    expect(bars).toHaveLength(300);
    expect(clashes).toEqual([]);
  });

  it('says how attempts ended', () => {
    expect(picture.summary).toBe('5 attempts in 2 slots: 1 complete, 1 pruned or stopped, 1 handed back, 1 failed, 1 running.');
    expect(['LOST', 'OOM', 'DIVERGED', 'TIMED_OUT', 'CRASHED'].map(endingOf)).toEqual(Array(5).fill('failed'));
    expect(['STOPPED', 'PAUSED'].map(endingOf)).toEqual(['pruned', 'handed-back']);
    expect(barWords(barOf(2))).toBe('Trial 2, attempt 1 · gpu-1 · 0 · CRASHED after 8.0 s · killed by the kernel');
  });

  it('names workers that were forgotten', () => {
    const [first] = ATTEMPTS;
    if (!first) throw new Error('empty');
    expect(drawTimeline([{ ...first, workerId: null, workerName: '' }], 50).lanes).toEqual(['forgotten worker']);
  });

  it('bears nothing', () => expect(drawTimeline([], 100)).toMatchObject({ lanes: [], bars: [], low_s: 40, high_s: 100, summary: 'No trial has run yet.' }));
});

describe('barsWithin', () => {
  it('finds what a box touches', () => {
    const found = barsWithin(picture.bars, { from_s: 11, to_s: 13, top: 1.2, bottom: 1.8 });
    expect(found.map(({ attempt }) => attempt.attemptId)).toEqual([1, 2]);
  });
});
