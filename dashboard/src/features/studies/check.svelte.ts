/** What the server says of a draft while it is written: asked once the writer pauses, and only the last answer counts. */
import { checkStudy } from '$api/studies';
import type { StudyChecked } from '$api/types';
import { toProblem, type Problem } from '$lib/problem';

/** Long enough for a word to be finished, short enough to seem at once. */
const PAUSE_MS = 400;

export class DraftCheck {
  /** Of the text as it was last answered; null before that, and where the server could not be asked. */
  found: StudyChecked | null = $state.raw(null);
  isPending = $state(false);
  /** Why the server could not be asked; submitting asks again. */
  failure: Problem | null = $state.raw(null);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #asked = new AbortController();

  readonly problems: readonly Problem[] = $derived(this.found?.problems ?? []);

  /** Look at another text, after a pause. */
  see(text: string): void {
    this.stop();
    this.isPending = true;
    this.#timer = setTimeout(() => void this.#ask(text), PAUSE_MS);
  }

  /** Ask no more, and drop the answer that is under way. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#asked.abort();
    this.isPending = false;
  }

  async #ask(text: string): Promise<void> {
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const found = await checkStudy(text, asked.signal);
      if (asked.signal.aborted) return;
      this.found = found;
      this.failure = null;
    } catch (error) {
      if (asked.signal.aborted) return;
      this.found = null;
      this.failure = toProblem(error);
    }
    this.isPending = false;
  }
}
