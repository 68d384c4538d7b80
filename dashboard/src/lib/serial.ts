/**
 * Runs one thing at a time. A call while it runs asks for one more run after this one, however many such calls there are:
 * what the run under way has read may be older than the call.
 */
export class Serial {
  #running: Promise<void> | null = null;
  #queued: Promise<void> | null = null;

  constructor(private readonly work: () => Promise<void>) {}

  /** Resolves once a run that began after this call is over. `work` must not throw. */
  run(): Promise<void> {
    if (this.#running === null) return this.#start();
    this.#queued ??= this.#running.then(() => {
      this.#queued = null;
      return this.#start();
    });
    return this.#queued;
  }

  #start(): Promise<void> {
    this.#running = this.work().finally(() => (this.#running = null));
    return this.#running;
  }
}
