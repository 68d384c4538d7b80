/** All trials of a study as columns, kept current by events: what panels of many trials share. */
import { getColumns, refreshColumns, type TrialColumns } from '$api/columns';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const REFRESH_MS = 1000;

export class ColumnsStore {
  columns: TrialColumns | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #nLoads = 0;
  #stale = new Coalescer<'columns'>(REFRESH_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  async load(): Promise<void> {
    const load = ++this.#nLoads;
    try {
      const before = this.columns;
      const columns = await (before ? refreshColumns(this.studyId, before) : getColumns(this.studyId));
      if (load !== this.#nLoads) return; // a later answer knows all that this one does
      this.columns = columns;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'trial' && event.studyId === this.studyId) this.#stale.add('columns');
  }

  stop(): void {
    this.#stale.cancel();
  }
}
