/** What the server says of something while it is written: asked once the writer pauses, and only the last answer counts. */
import { toProblem, type Problem } from './problem';

/** Long enough for a word to be finished, short enough to seem at once. */
const PAUSE_MS = 400;

export class LateAnswer<Question, Answer> {
  /** Of what was asked about last; null before that, and where the server could not be asked. */
  found: Answer | null = $state.raw(null);
  isPending = $state(false);
  /** Why the server could not be asked. */
  failure: Problem | null = $state.raw(null);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #asked = new AbortController();

  constructor(private readonly ask: (question: Question, signal: AbortSignal) => Promise<Answer>) {}

  /** Look at something else, after a pause. */
  see(question: Question): void {
    this.stop();
    this.isPending = true;
    this.#timer = setTimeout(() => void this.#ask(question), PAUSE_MS);
  }

  /** Ask no more, and drop the answer that is under way. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#asked.abort();
    this.isPending = false;
  }

  async #ask(question: Question): Promise<void> {
    const asked = new AbortController();
    this.#asked = asked;
    try {
      const found = await this.ask(question, asked.signal);
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
