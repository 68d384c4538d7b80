/** The newest attempts at a study's trials, kept current by events; earlier ones on request. */
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { getAttempts, type AttemptRow } from '$api/timeline';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const FIRST = 1000;
/** The server's limit of one answer. */
const MOST = 20_000;
const REFRESH_MS = 1_000;

export class AttemptsStore {
  rows: readonly AttemptRow[] = $state.raw([]);
  nAttempts = $state(0);
  /** Whether there are more, and they can be shown. */
  hasEarlier = $state(false);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  /** How far the server's clock is ahead of the reader's, seconds. */
  ahead_s = $state(0);
  readonly synced = new Synced(this);
  #limit = FIRST;
  #nLoads = 0;
  #stale = new Coalescer<'attempts'>(REFRESH_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  async load(): Promise<void> {
    const load = ++this.#nLoads;
    try {
      const read = await getAttempts(this.studyId, this.#limit);
      if (load !== this.#nLoads) return;
      this.rows = read.rows;
      this.hasEarlier = read.hasEarlier && this.#limit < MOST;
      this.nAttempts = read.nAttempts;
      this.ahead_s = read.now_s - Date.now() / 1000;
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  /** Read further back from now on. */
  async loadEarlier(): Promise<void> {
    this.#limit = Math.min(4 * this.#limit, MOST);
    await this.load();
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'trial' && event.studyId === this.studyId) this.#stale.add('attempts');
  }

  stop(): void {
    this.#stale.cancel();
  }
}
