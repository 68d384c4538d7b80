/** The list of studies in the reader's filter and order, kept current by events. */
import { deleteStudy, listStudies, restoreStudy, updateStudy, type Archived, type StudyOrder } from '$api/studies';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Study, StudyUpdate } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';
import { sayState } from '$lib/study';

const REFRESH_MS = 600;
const PAGE = 50;
const MOST = 1000;

/** What the list shows. */
export interface View {
  readonly q: string;
  readonly archived: Archived;
  readonly order: StudyOrder;
  readonly isDescending: boolean;
}

export class StudiesStore {
  items: readonly Study[] = $state.raw([]);
  nextCursor: string | null = $state(null);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  /** What was deleted last and can be brought back. */
  deleted: readonly Study[] = $state.raw([]);
  readonly synced = new Synced(this);
  #nQueries = 0;
  #stale = new Coalescer<'list'>(REFRESH_MS, () => void this.load());

  constructor(private view: View) {}

  /** Show others, or the same in another order. The rows stay until the new ones are there. */
  arrange(view: View): void {
    if (JSON.stringify(view) === JSON.stringify(this.view)) return;
    this.view = view;
    this.items = this.items.slice(0, PAGE);
    void this.synced.reload();
  }

  /** Fetch as many studies as are shown, in one request: the server knows which belong here, and in which order. */
  async load(): Promise<void> {
    const query = ++this.#nQueries;
    await this.#guard(async () => {
      const limit = Math.min(MOST, Math.max(PAGE, this.items.length));
      const page = await listStudies({ ...this.view, limit });
      if (query !== this.#nQueries) return; // the reader has typed on
      this.items = page.items;
      this.nextCursor = page.nextCursor;
      this.isLoaded = true;
    });
  }

  async loadMore(): Promise<void> {
    const query = ++this.#nQueries;
    await this.#guard(async () => {
      const page = await listStudies({ ...this.view, cursor: this.nextCursor });
      if (query !== this.#nQueries) return;
      const shown = new Set(this.items.map((study) => study.study_id));
      this.items = [...this.items, ...page.items.filter((study) => !shown.has(study.study_id))];
      this.nextCursor = page.nextCursor;
    });
  }

  apply(event: LiveEvent): void {
    if (event.kind !== 'study' && event.kind !== 'trial') return;
    if (event.kind === 'study') {
      const known = this.items.find((study) => study.study_id === event.studyId);
      if (known && known.state !== event.state) announcer.say(sayState(event.name, event.state));
    }
    this.#stale.add('list');
  }

  /** Change studies, one after the other; the first refusal is told and ends it. */
  async update(studies: readonly Study[], changeOf: (study: Study) => StudyUpdate): Promise<void> {
    await this.#changing(async () => {
      for (const study of studies) await updateStudy(study.study_id, changeOf(study));
    });
  }

  /** Delete studies; they can be brought back until the page is left, and from the command line after that. */
  async delete(studies: readonly Study[]): Promise<void> {
    const gone = new Set(studies.map((study) => study.study_id));
    this.deleted = [];
    await this.#changing(async () => {
      for (const study of studies) {
        await deleteStudy(study.study_id);
        this.deleted = [...this.deleted, study];
      }
      this.items = this.items.filter((study) => !gone.has(study.study_id));
    });
  }

  async restore(): Promise<void> {
    await this.#changing(async () => {
      for (const study of this.deleted) {
        await restoreStudy(study.study_id);
        this.deleted = this.deleted.filter((one) => one.study_id !== study.study_id);
      }
    });
  }

  stop(): void {
    this.#stale.cancel();
  }

  /** Refused or not, what the list shows afterwards is what the server has. */
  async #changing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      await this.load();
    } catch (error) {
      const problem = toProblem(error);
      await this.load();
      this.problem = problem;
    }
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
