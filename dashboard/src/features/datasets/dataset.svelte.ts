/** One data set with its examples, kept current by events. */
import { getDataset, getDatasetPreview } from '$api/datasets';
import type { LiveEvent, StudyEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { DatasetDetail, DatasetPreview } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const REFRESH_MS = 300;

export class DatasetStore {
  detail: DatasetDetail | null = $state.raw(null);
  preview: DatasetPreview | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  previewProblem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #version: number | null;
  #nLoads = 0;
  /** Studies that were told of and that need not use this data set: each is looked for once. */
  #others = new Set<number>();
  #stale = new Coalescer<'detail'>(REFRESH_MS, () => void this.synced.reload());

  /** `version`: null for the newest that is ready. */
  constructor(
    private readonly name: string,
    version: number | null,
  ) {
    this.#version = version;
  }

  /** Show another version. */
  choose(version: number | null): void {
    if (version === this.#version) return;
    this.#version = version;
    void this.synced.reload();
  }

  async load(): Promise<void> {
    const load = ++this.#nLoads;
    try {
      const detail = await getDataset(this.name, this.#version);
      if (load !== this.#nLoads) return;
      this.#say(detail);
      this.detail = detail;
      this.problem = null;
      await this.#look(detail, load);
    } catch (error) {
      if (load === this.#nLoads) this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    const isOwn = event.kind === 'dataset' ? event.name === this.name : event.kind === 'study' && this.#mayConcern(event);
    if (isOwn) this.#stale.add('detail');
  }

  stop(): void {
    this.#nLoads += 1;
    this.#stale.cancel();
  }

  /** Whether a study began to use this data set, for all that its event tells, or is in another state now. */
  #mayConcern({ studyId, state }: StudyEvent): boolean {
    const use = this.detail?.studies.find((one) => one.study_id === studyId);
    if (use) return use.state !== state;
    const isNew = !this.#others.has(studyId);
    this.#others.add(studyId);
    return isNew;
  }

  async #look(detail: DatasetDetail, load: number): Promise<void> {
    const isReady = detail.versions.some(({ version, state }) => version === detail.shown_version && state === 'ready');
    if (!isReady) this.preview = null;
    if (!isReady || this.preview?.version === detail.shown_version) return;
    this.previewProblem = null;
    try {
      const preview = await getDatasetPreview(this.name, detail.shown_version);
      if (load === this.#nLoads) this.preview = preview;
    } catch (error) {
      if (load === this.#nLoads) this.previewProblem = toProblem(error);
    }
  }

  #say(now: DatasetDetail): void {
    for (const { version, state } of now.versions) {
      const before = this.detail?.versions.find((one) => one.version === version);
      if (before?.state === 'preparing' && state !== 'preparing') announcer.say(`Version ${version} of ${now.name} ${state === 'ready' ? 'is ready' : 'has failed'}.`);
    }
  }
}
