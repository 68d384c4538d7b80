/** Pages of a study's trials in the reader's order and filter, kept current by events. */
import { listTrials, type Page, type TrialOrder } from '$api/studies';
import type { LiveEvent, MetricsEvent, TrialEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Trial, TrialPhase } from '$api/types';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const PAGE = 100;
/** Of a file: as many as the server gives at once, or as a filter of numbers may name. */
const FILE_PAGE = 1000;
const REFRESH_MS = 500;

export interface Sorting {
  readonly order: TrialOrder;
  readonly isDescending: boolean;
}

/** What the table shows. */
export interface View {
  readonly sorting: Sorting;
  readonly states: readonly TrialPhase[];
  readonly where: string;
  /** Numbers of the only trials that are shown, in the table's order; null: all. */
  readonly only: readonly number[] | null;
}

export class TrialsStore {
  rows: readonly Trial[] = $state.raw([]);
  nextCursor: string | null = $state(null);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #nQueries = 0;
  #isPaging = false;
  /** Whether the rows are still those of another view. */
  #isFresh = true;
  #stale = new Coalescer<'rows'>(REFRESH_MS, () => void this.load());

  constructor(
    private readonly studyId: number,
    private view: View,
  ) {}

  /** Show others, or the same in another order. The rows stay until the new ones are there. */
  arrange(view: View): void {
    if (isSame(view, this.view)) return;
    this.view = view;
    this.#isFresh = true;
    void this.synced.reload();
  }

  /** Fetch the first page; later pages that were shown are kept after it, without repeats, unless the view is another. */
  async load(): Promise<void> {
    const query = ++this.#nQueries;
    try {
      const page = await fetchPage(this.studyId, this.view, null, PAGE);
      if (query !== this.#nQueries) return;
      const isLonger = !this.#isFresh && this.rows.length > page.items.length && page.nextCursor !== null;
      const shown = new Set(page.items.map((trial) => trial.trial_id));
      const later = isLonger ? this.rows.slice(page.items.length).filter((trial) => !shown.has(trial.trial_id)) : [];
      this.rows = [...page.items, ...later];
      if (!isLonger) this.nextCursor = page.nextCursor;
      this.isLoaded = true;
      this.#isFresh = false;
      this.problem = null;
    } catch (error) {
      if (query === this.#nQueries) this.problem = toProblem(error);
    }
  }

  async loadMore(): Promise<void> {
    if (this.#isPaging || this.#isFresh || this.nextCursor === null) return;
    this.#isPaging = true;
    const query = this.#nQueries;
    try {
      const page = await fetchPage(this.studyId, this.view, this.nextCursor, PAGE);
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

  /** Fetch every trial of the view, for a file; `onPage` hears how many there are so far. Raises: ProblemError. */
  async loadAll(onPage: (n: number) => void): Promise<Trial[]> {
    const { view } = this;
    const all: Trial[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<Trial> = await fetchPage(this.studyId, view, cursor, view.only ? PAGE : FILE_PAGE);
      all.push(...page.items);
      cursor = page.nextCursor;
      onPage(all.length);
    } while (cursor !== null);
    return all;
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

  #patch(event: TrialEvent | MetricsEvent): void {
    const row = this.rows.find((trial) => trial.trial_id === event.trialId);
    if (!row) return;
    const progress = { step: event.step ?? row.step, n_steps: event.nSteps ?? row.n_steps };
    const result = event.kind === 'trial' ? { state: event.state, phase: event.phase, value: event.value } : {};
    this.rows = this.rows.map((trial) => (trial === row ? { ...row, ...progress, ...result } : trial));
  }
}

/** Whether two views show the same; fifty thousand numbers are compared as they are, not as text. */
function isSame({ only, ...rest }: View, { only: before, ...others }: View): boolean {
  if (JSON.stringify(rest) !== JSON.stringify(others) || only?.length !== before?.length) return false;
  return only === before || (only ?? []).every((number, i) => number === before?.[i]);
}

function fetchPage(studyId: number, view: View, cursor: string | null, limit: number): Promise<Page<Trial>> {
  if (view.only) return fetchOnly(studyId, view, view.only, Number(cursor ?? 0), limit);
  const { sorting, states, where } = view;
  return listTrials(String(studyId), { ...sorting, states, where, cursor, limit });
}

/** A page of chosen trials: asked for by their numbers, since a choice of thousands fits no address. */
async function fetchOnly(studyId: number, view: View, only: readonly number[], from: number, limit: number): Promise<Page<Trial>> {
  const wanted = only.slice(from, from + limit);
  const nextCursor = from + limit < only.length ? String(from + limit) : null;
  if (wanted.length === 0) return { items: [], nextCursor };
  const where = `${view.where} number:${wanted.join(',')}`.trim();
  const { items } = await listTrials(String(studyId), { ...view.sorting, states: view.states, where, limit });
  const place = new Map(wanted.map((number, i) => [number, i]));
  return { items: [...items].sort((a, b) => (place.get(a.number) ?? 0) - (place.get(b.number) ?? 0)), nextCursor };
}
