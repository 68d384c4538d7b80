/** The list of studies, kept current by events. */
import { getStudy, listStudies, updateStudy } from '$api/studies';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Study, StudyUpdate } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { ProblemError, toProblem, type Problem } from '$lib/problem';
import { sayState } from '$lib/study';

const REFRESH_MS = 400;

export class StudiesStore {
  items: readonly Study[] = $state.raw([]);
  nextCursor: string | null = $state(null);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #search = '';
  #stale = new Coalescer<number>(REFRESH_MS, (ids) => void this.#refetch(ids));

  /** Show only studies whose name, notes or tags contain `text`. */
  find(text: string): void {
    if (text === this.#search) return;
    this.#search = text;
    void this.synced.reload();
  }

  async load(): Promise<void> {
    const search = this.#search;
    await this.#guard(async () => {
      const page = await listStudies({ search });
      if (search !== this.#search) return; // the reader has typed on
      this.items = page.items;
      this.nextCursor = page.nextCursor;
      this.isLoaded = true;
    });
  }

  async loadMore(): Promise<void> {
    await this.#guard(async () => {
      const page = await listStudies({ search: this.#search, cursor: this.nextCursor });
      this.items = [...this.items, ...page.items.filter((study) => !this.#find(study.study_id))];
      this.nextCursor = page.nextCursor;
    });
  }

  apply(event: LiveEvent): void {
    if (event.kind !== 'study' && event.kind !== 'trial') return;
    if (event.kind === 'study') {
      const known = this.#find(event.studyId);
      if (known && known.state !== event.state) announcer.say(sayState(event.name, event.state));
    }
    this.#stale.add(event.studyId);
  }

  async update(study: Study, change: StudyUpdate): Promise<void> {
    await this.#guard(async () => this.#put(await updateStudy(study.study_id, change)));
  }

  stop(): void {
    this.#stale.cancel();
  }

  async #refetch(ids: readonly number[]): Promise<void> {
    if (ids.some((id) => !this.#find(id))) return this.synced.reload(); // a new one: the server knows whether it belongs here
    for (const id of ids) await this.#guard(() => this.#refetchOne(id));
  }

  async #refetchOne(id: number): Promise<void> {
    try {
      const study = await getStudy(id);
      if (study.deleted_at === null) this.#put(study);
      else this.#remove(id);
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) this.#remove(id);
      else throw error;
    }
  }

  #find(id: number): Study | undefined {
    return this.items.find((study) => study.study_id === id);
  }

  #put(study: Study): void {
    this.items = this.items.map((old) => (old.study_id === study.study_id ? study : old));
  }

  #remove(id: number): void {
    this.items = this.items.filter((study) => study.study_id !== id);
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
