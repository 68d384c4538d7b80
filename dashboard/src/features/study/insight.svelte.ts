/** What a study's trials say: importance, interactions, regret. Read, asked for, kept current by events. */
import { getImportance, getInteractions, getRegret, startInteractions, type Importance, type Interactions, type Regret } from '$api/insight';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

/** Each is worked out from all trials, in up to a second: a running study is followed at a distance. */
const STALE_MS = 10_000;
const POLL_MS = 700;

const isOver = (event: LiveEvent, studyId: number): boolean =>
  event.kind === 'trial' && event.studyId === studyId && event.state !== 'RUNNING' && event.state !== 'WAITING';

export class InsightStore {
  importance: Importance | null = $state.raw(null);
  regret: Regret | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #stale = new Coalescer<'insight'>(STALE_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  async load(): Promise<void> {
    try {
      [this.importance, this.regret] = await Promise.all([getImportance(this.studyId), getRegret(this.studyId)]);
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (isOver(event, this.studyId)) this.#stale.add('insight');
  }

  stop(): void {
    this.#stale.cancel();
  }
}

export class InteractionsStore {
  found: Interactions | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #poll = new Coalescer<'job'>(POLL_MS, () => void this.load());
  #stale = new Coalescer<'trials'>(STALE_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  get isBusy(): boolean {
    return this.found?.state === 'WAITING' || this.found?.state === 'RUNNING';
  }

  async load(): Promise<void> {
    await this.#keep(() => getInteractions(this.studyId));
  }

  async start(): Promise<void> {
    await this.#keep(() => startInteractions(this.studyId));
  }

  apply(event: LiveEvent): void {
    if (isOver(event, this.studyId)) this.#stale.add('trials');
  }

  stop(): void {
    this.#poll.cancel();
    this.#stale.cancel();
  }

  async #keep(read: () => Promise<Interactions>): Promise<void> {
    try {
      const wasBusy = this.isBusy;
      this.found = await read();
      this.problem = null;
      if (this.isBusy) this.#poll.add('job');
      else if (wasBusy) announcer.say(this.found.state === 'COMPLETE' ? 'Interactions are found.' : 'Interactions could not be found.');
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
