/** Pages of a study's trials in the reader's order and filter, kept current by events. */
import { listTrials, type TrialOrder } from '$api/studies';
import type { LiveEvent, MetricsEvent, TrialEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Trial, TrialState } from '$api/types';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const PAGE = 100;
const REFRESH_MS = 500;

export interface Sorting {
  readonly order: TrialOrder;
  readonly isDescending: boolean;
}

export class TrialsStore {
  rows: readonly Trial[] = $state.raw([]);
  nextCursor: string | null = $state(null);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #nQueries = 0;
  #isPaging = false;
  #stale = new Coalescer<'rows'>(REFRESH_MS, () => void this.load());

  constructor(
    private readonly studyId: number,
    private sorting: Sorting,
    private states: readonly TrialState[],
  ) {}

  /** Show another order or other states. */
  arrange(sorting: Sorting, states: readonly TrialState[]): void {
    const isSame = JSON.stringify([sorting, states]) === JSON.stringify([this.sorting, this.states]);
    if (isSame) return;
    this.sorting = sorting;
    this.states = states;
    this.rows = [];
    this.isLoaded = false;
    void this.synced.reload();
  }

  /** Fetch the first page; later pages that were shown are kept after it, without repeats. */
  async load(): Promise<void> {
    const query = ++this.#nQueries;
    try {
      const page = await this.#fetch(null);
      if (query !== this.#nQueries) return;
      const isLonger = this.isLoaded && this.rows.length > page.items.length && page.nextCursor !== null;
      const shown = new Set(page.items.map((trial) => trial.trial_id));
      const later = isLonger ? this.rows.slice(page.items.length).filter((trial) => !shown.has(trial.trial_id)) : [];
      this.rows = [...page.items, ...later];
      if (!isLonger) this.nextCursor = page.nextCursor;
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  async loadMore(): Promise<void> {
    if (this.#isPaging || this.nextCursor === null) return;
    this.#isPaging = true;
    const query = this.#nQueries;
    try {
      const page = await this.#fetch(this.nextCursor);
      if (query !== this.#nQueries) return; // rearranged or refreshed: the next scroll asks again
      const shown = new Set(this.rows.map((trial) => trial.trial_id));
      this.rows = [...this.rows, ...page.items.filter((trial) => !shown.has(trial.trial_id))];
      this.nextCursor = page.nextCursor;
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.#isPaging = false;
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'metrics' && event.studyId === this.studyId) this.#patch(event);
    if (event.kind === 'trial' && event.studyId === this.studyId) {
      this.#patch(event);
      this.#stale.add('rows'); // its place in the order may have changed: the server knows
    }
  }

  stop(): void {
    this.#stale.cancel();
  }

  #fetch(cursor: string | null): ReturnType<typeof listTrials> {
    const { order, isDescending } = this.sorting;
    return listTrials(String(this.studyId), { order, isDescending, states: this.states, cursor, limit: PAGE });
  }

  #patch(event: TrialEvent | MetricsEvent): void {
    const row = this.rows.find((trial) => trial.trial_id === event.trialId);
    if (!row) return;
    const progress = { step: event.step ?? row.step, n_steps: event.nSteps ?? row.n_steps };
    const result = event.kind === 'trial' ? { state: event.state, value: event.value } : {};
    this.rows = this.rows.map((trial) => (trial === row ? { ...row, ...progress, ...result } : trial));
  }
}
