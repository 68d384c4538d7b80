import { describe, expect, it } from 'vitest';
import type { LiveEvent } from './events';
import { Synced } from './synced';

const event = (trialId: number): LiveEvent => ({ kind: 'logs', studyId: 1, trialId });

/** A view whose fetches end when the test says so. */
function makeView() {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const view = {
    load: () => new Promise<void>((resolve) => ends.push(() => (log.push('loaded'), resolve()))),
    apply: (applied: LiveEvent) => void log.push(`applied ${'trialId' in applied ? applied.trialId : ''}`),
  };
  return { synced: new Synced(view), log, ends };
}

describe('Synced', () => {
  it('applies what came during the fetch after it, in order', async () => {
    const { synced, log, ends } = makeView();
    const loading = synced.reload();
    synced.onEvent(event(1));
    synced.onEvent(event(2));
    expect(log).toEqual([]);
    ends[0]?.();
    await loading;
    synced.onEvent(event(3));
    expect(log).toEqual(['loaded', 'applied 1', 'applied 2', 'applied 3']);
  });

  it('lets a newer fetch take over, and applies everything that was held once', async () => {
    const { synced, log, ends } = makeView();
    const first = synced.reload();
    synced.onEvent(event(1));
    const second = synced.reload();
    synced.onEvent(event(2));
    ends[0]?.();
    await first;
    expect(log).toEqual(['loaded']);
    ends[1]?.();
    await second;
    expect(log).toEqual(['loaded', 'loaded', 'applied 1', 'applied 2']);
  });
});
