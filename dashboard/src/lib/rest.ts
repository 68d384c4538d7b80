/** Runs something once it has not been asked for again for a while: what may wait until the reader's hand rests. */
export class Rest {
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly delayMs: number,
    private readonly run: () => void,
  ) {}

  /** Ask for it; whatever was asked for before waits with it. */
  ask(): void {
    this.cancel();
    this.#timer = setTimeout(() => this.now(), this.delayMs);
  }

  /** Run it at once; nothing runs later. */
  now(): void {
    this.cancel();
    this.run();
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
