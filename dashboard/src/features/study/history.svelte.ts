/** State and objective of every trial of a study, for the optimisation history. */
import { listTrials } from '$api/studies';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { HistoryPoint } from '$charts/history';
import { toProblem, type Problem } from '$lib/problem';

const PAGE = 500;
/** Beyond so many trials the oldest are left out, and the page says so. */
export const MAX_HISTORY = 10_000;

export class HistoryStore {
  points: readonly HistoryPoint[] = $state.raw([]);
  isCut = $state(false);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);

  constructor(
    private readonly studyId: number,
    /** Name of the objective. */
    private readonly metric: string,
  ) {}

  async load(): Promise<void> {
    try {
      const points: HistoryPoint[] = [];
      let cursor: string | null = null;
      do {
        const query = { order: 'number', isDescending: true, states: [], limit: PAGE, cursor } as const;
        const page: Awaited<ReturnType<typeof listTrials>> = await listTrials(String(this.studyId), query);
        const own = page.items.filter(({ confirms }) => confirms === null);
        points.push(...own.map(({ number, state, value, values }) => ({ number, state, value: value ?? values[this.metric] ?? null })));
        cursor = page.nextCursor;
      } while (cursor !== null && points.length < MAX_HISTORY);
      this.points = points.reverse();
      this.isCut = cursor !== null;
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    // What trains another trial again is no step of the search: its luck is not the best so far.
    if (event.kind !== 'trial' || event.studyId !== this.studyId || event.isConfirmation) return;
    const { number, state, value } = event;
    const others = this.points.filter((point) => point.number !== number);
    this.points = [...others, { number, state, value }].sort((a, b) => a.number - b.number);
  }
}
