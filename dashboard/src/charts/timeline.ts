/** Timeline: when each attempt ran and where, a lane for each slot of a worker, and how it ended. Pure. */
import { formatDuration } from '$lib/format';

export interface TimelineAttempt {
  readonly attemptId: number;
  /** Of the trial. */
  readonly number: number;
  readonly attemptNo: number;
  readonly state: string;
  readonly reason: string;
  /** Null where the worker was forgotten. */
  readonly workerId: number | null;
  readonly workerName: string;
  readonly slot: number | null;
  /** Seconds since 1970. */
  readonly start_s: number;
  /** Null while it runs. */
  readonly end_s: number | null;
}

export type Ending = 'running' | 'complete' | 'pruned' | 'handed-back' | 'failed';

export interface Bar {
  readonly attempt: TimelineAttempt;
  readonly lane: number;
  readonly from_s: number;
  readonly to_s: number;
  readonly ending: Ending;
}

export interface TimelinePicture {
  /** A name for each lane, from the top; empty for one that goes on with the slot above. */
  readonly lanes: readonly string[];
  readonly bars: readonly Bar[];
  readonly low_s: number;
  readonly high_s: number;
  readonly summary: string;
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  RUNNING: 'running',
  COMPLETE: 'complete',
  PRUNED: 'pruned',
  STOPPED: 'pruned',
  PREEMPTED: 'handed-back',
  PAUSED: 'handed-back',
};

/** What the end of an attempt means; all that is not known here went wrong: LOST, CRASHED, OOM, DIVERGED, TIMED_OUT. */
export const endingOf = (state: string): Ending => ENDINGS[state] ?? 'failed';

/** Lay attempts out in lanes. What trains side by side in a slot takes a lane each. Running ones reach to `now_s`. */
export function drawTimeline(attempts: readonly TimelineAttempt[], now_s: number): TimelinePicture {
  const groups = slotsOf(attempts).sort(bySlot);
  const lanes: string[] = [];
  const bars: Bar[] = [];
  for (const group of groups) {
    const first = lanes.length;
    const ends: number[] = [];
    for (const attempt of group) {
      const to_s = Math.max(attempt.end_s ?? now_s, attempt.start_s);
      const free = ends.findIndex((end) => end <= attempt.start_s);
      const lane = free < 0 ? ends.length : free;
      ends[lane] = to_s;
      bars.push({ attempt, lane: first + lane, from_s: attempt.start_s, to_s, ending: endingOf(attempt.state) });
    }
    lanes.push(...ends.map((_, i) => (i === 0 ? nameOf(group[0]) : '')));
  }
  let [low, high] = [Infinity, -Infinity];
  for (const { from_s, to_s } of bars) [low, high] = [Math.min(low, from_s), Math.max(high, to_s)];
  const [low_s, high_s] = bars.length === 0 ? [now_s - 60, now_s] : [low, Math.max(high, low + 1)];
  return { lanes, bars, low_s, high_s, summary: summarise(bars, groups.length) };
}

/** Attempts of each slot, in the order in which they began. */
function slotsOf(attempts: readonly TimelineAttempt[]): TimelineAttempt[][] {
  const groups = new Map<string, TimelineAttempt[]>();
  for (const attempt of [...attempts].sort((a, b) => a.start_s - b.start_s || a.attemptId - b.attemptId)) {
    const group = groups.get(slotKey(attempt)) ?? [];
    group.push(attempt);
    groups.set(slotKey(attempt), group);
  }
  return [...groups.values()];
}

const slotKey = ({ workerId, slot }: TimelineAttempt): string => `${workerId ?? ''} ${slot ?? ''}`;

function bySlot([a]: readonly TimelineAttempt[], [b]: readonly TimelineAttempt[]): number {
  if (!a || !b) return 0;
  return a.workerName.localeCompare(b.workerName, 'en', { numeric: true }) || (a.workerId ?? -1) - (b.workerId ?? -1) || (a.slot ?? -1) - (b.slot ?? -1);
}

function nameOf(attempt: TimelineAttempt | undefined): string {
  if (!attempt || attempt.workerId === null) return 'forgotten worker';
  return attempt.slot === null ? attempt.workerName : `${attempt.workerName} · ${attempt.slot}`;
}

function summarise(bars: readonly Bar[], nSlots: number): string {
  if (bars.length === 0) return 'No trial has run yet.';
  const count = (ending: Ending): number => bars.filter((bar) => bar.ending === ending).length;
  const parts = [`${count('complete')} complete`, `${count('pruned')} pruned or stopped`, `${count('handed-back')} handed back`, `${count('failed')} failed`, `${count('running')} running`];
  const slots = nSlots === 1 ? '1 slot' : `${nSlots} slots`;
  return `${bars.length} attempts in ${slots}: ${parts.filter((part) => !part.startsWith('0 ')).join(', ')}.`;
}

/** Say all of one attempt in a line. */
export function barWords({ attempt, from_s, to_s }: Bar): string {
  const where = nameOf(attempt);
  const took = formatDuration(to_s - from_s);
  return `Trial ${attempt.number}, attempt ${attempt.attemptNo} · ${where} · ${attempt.state} after ${took}${attempt.reason === '' ? '' : ` · ${attempt.reason}`}`;
}

/** Bars that a box of lanes and times touches. */
export function barsWithin(bars: readonly Bar[], box: { from_s: number; to_s: number; top: number; bottom: number }): Bar[] {
  return bars.filter(({ lane, from_s, to_s }) => lane + 1 > box.top && lane < box.bottom && to_s >= box.from_s && from_s <= box.to_s);
}
