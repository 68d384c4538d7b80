/** One study's own facts: state, counts, best trial. Kept current by events. */
import { getStudy, updateStudy } from '$api/studies';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Study, StudyUpdate } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';
import { sayState } from '$lib/study';

const REFRESH_MS = 400;

export class StudyStore {
  study: Study | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #stale = new Coalescer<'study'>(REFRESH_MS, () => void this.load());

  /** `key`: the name or number in the address. */
  constructor(private readonly key: string) {}

  async load(): Promise<void> {
    await this.#keep(() => getStudy(this.study?.study_id ?? this.key));
  }

  apply(event: LiveEvent): void {
    if (event.kind !== 'study' && event.kind !== 'trial') return;
    if (event.studyId === this.study?.study_id) this.#stale.add('study');
  }

  async update(change: StudyUpdate): Promise<void> {
    await this.#keep(() => updateStudy(this.study?.study_id ?? this.key, change));
  }

  stop(): void {
    this.#stale.cancel();
  }

  async #keep(read: () => Promise<Study>): Promise<void> {
    try {
      const study = await read();
      if (this.study && this.study.state !== study.state) announcer.say(sayState(study.name, study.state));
      if (!this.study || study.rev >= this.study.rev) this.study = study; // an answer that was overtaken is dropped
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }
}
