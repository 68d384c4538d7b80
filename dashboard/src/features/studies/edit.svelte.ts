/** A study that is being edited: its settings, a draft of them, and what the server says of the difference. */
import { listModels } from '$api/catalogue';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { checkEdit, getStudy, listEdits, updateStudy } from '$api/studies';
import type { EditChecked, Model, Study, StudyEdit } from '$api/types';
import { Coalescer } from '$lib/coalesce';
import { LateAnswer } from '$lib/lateanswer.svelte';
import { toProblem, type Problem } from '$lib/problem';
import { changesOf, settingsOf, withChanges, type Changes, type Settings } from './edit';

const REFRESH_MS = 600;
const NOTHING: Settings = { search_space: {}, constraints: [], budget: {} };

export class EditStore {
  study: Study | null = $state.raw(null);
  model: Model | undefined = $state.raw();
  edits: readonly StudyEdit[] = $state.raw([]);
  draft: Settings = $state.raw(NOTHING);
  isBusy = $state(false);
  /** What loading failed with. */
  problem: Problem | null = $state.raw(null);
  /** What the last attempt to make the change was refused with; gone once something is changed. */
  refusal: Problem | null = $state.raw(null);
  /** That the last change was made, and nothing was changed since. */
  isApplied = $state(false);
  readonly synced = new Synced(this);
  readonly check = new LateAnswer<Changes, EditChecked>((changes, signal) => checkEdit(this.study?.study_id ?? 0, changes, signal));
  #base: Settings = $state.raw(NOTHING);
  #stale = new Coalescer<'study'>(REFRESH_MS, () => void this.load());

  readonly changes: Changes = $derived(changesOf(this.#base, this.draft));
  readonly isChanged = $derived(Object.keys(this.changes).length > 0);
  readonly problems: readonly Problem[] = $derived.by(() => {
    const found = this.isChanged ? (this.check.found?.problems ?? []) : [];
    const { refusal } = this;
    return refusal ? [refusal, ...found.filter(({ field }) => field !== refusal.field)] : found;
  });
  readonly latest = $derived(this.edits.at(-1) ?? null);

  /** `key`: the name or number in the address. */
  constructor(private readonly key: string) {}

  async load(): Promise<void> {
    try {
      const study = await getStudy(this.study?.study_id ?? this.key);
      const [edits, models] = await Promise.all([listEdits(study.study_id), this.model ? null : listModels()]);
      if (models) this.model = models.find(({ name }) => name === study.spec.model);
      this.#take(study);
      this.edits = edits;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'study' && event.studyId === this.study?.study_id) this.#stale.add('study');
  }

  write(draft: Settings): void {
    this.draft = draft;
    this.refusal = null;
    this.isApplied = false;
  }

  /** Forget what was changed. */
  reset(): void {
    this.write(this.#base);
  }

  /** Put the change that undoes the latest edit into the draft, to be looked over and sent like any other. */
  undo(): void {
    if (this.latest) this.write(withChanges(this.#base, this.latest.undo as Changes));
  }

  /** Make the change. */
  async send(): Promise<void> {
    if (!this.study) return;
    this.isBusy = true;
    try {
      this.#take(await updateStudy(this.study.study_id, this.changes));
      this.reset();
      this.edits = await listEdits(this.study.study_id);
      this.isApplied = true;
    } catch (error) {
      this.refusal = toProblem(error);
    } finally {
      this.isBusy = false;
    }
  }

  stop(): void {
    this.#stale.cancel();
    this.check.stop();
  }

  /** Take what the study is now. What the reader has changed stays changed; all else follows. */
  #take(study: Study): void {
    if (this.study && study.rev < this.study.rev) return; // an answer that was overtaken
    const settings = settingsOf(study.spec);
    this.draft = withChanges(settings, this.study ? this.changes : {});
    this.#base = settings;
    this.study = study;
  }
}
