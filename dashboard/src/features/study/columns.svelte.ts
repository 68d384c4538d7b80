/** All trials of a study as columns, kept current by events: what panels of many trials share. */
import { getColumns, refreshColumns, type TrialColumns } from '$api/columns';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';
import { Serial } from '$lib/serial';

const REFRESH_MS = 1000;

export class ColumnsStore {
  columns: TrialColumns | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #fetching = new Serial(() => this.#fetch());
  #stale = new Coalescer<'columns'>(REFRESH_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  /** Fetch what may have changed. One at a time: where that takes longer than trials take, it still comes to an end. */
  load(): Promise<void> {
    return this.#fetching.run();
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'trial' && event.studyId === this.studyId) this.#stale.add('columns');
  }

  stop(): void {
    this.#stale.cancel();
  }

  async #fetch(): Promise<void> {
    try {
      this.columns = await (this.columns ? refreshColumns(this.studyId, this.columns) : getColumns(this.studyId));
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
