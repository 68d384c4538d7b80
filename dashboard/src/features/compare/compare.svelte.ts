/** The compared trials: fetched whole, and again while some of them run. */
import { compareTrials, type Comparison } from '$api/compare';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

/** Curves are as wide as a screen at most. */
const MAX_POINTS = 1_000;
const SETTLE_MS = 1_000;

export class CompareStore {
  comparison: Comparison | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #refs: readonly string[] = [];
  #metric: string | null = null;
  #stale = new Coalescer<'trials'>(SETTLE_MS, () => void this.synced.reload());

  /** Compare these trials by this metric; null: by their objective. */
  choose(refs: readonly string[], metric: string | null): void {
    if (refs.join() === this.#refs.join() && metric === this.#metric) return;
    this.#refs = refs;
    this.#metric = metric;
    void this.synced.reload();
  }

  async load(): Promise<void> {
    const [refs, metric] = [this.#refs, this.#metric];
    if (refs.length === 0) {
      this.comparison = null;
      return;
    }
    try {
      const read = await compareTrials(refs, metric, MAX_POINTS);
      if (refs !== this.#refs || metric !== this.#metric) return; // others were chosen meanwhile
      this.comparison = read;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind !== 'trial' && event.kind !== 'metrics') return;
    if (this.comparison?.trials.some(({ trial }) => trial.trial_id === event.trialId)) this.#stale.add('trials');
  }

  stop(): void {
    this.#stale.cancel();
  }
}
