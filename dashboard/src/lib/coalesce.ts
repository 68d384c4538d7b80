/** Gather keys that arrive in quick succession and handle them together, once per `delayMs` at most. */
export class Coalescer<K> {
  #keys = new Set<K>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly delayMs: number,
    private readonly run: (keys: readonly K[]) => void,
  ) {}

  add(key: K): void {
    this.#keys.add(key);
    this.#timer ??= setTimeout(() => this.#flush(), this.delayMs);
  }

  /** Forget what was gathered; nothing runs after this until a key is added. */
  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#keys.clear();
  }

  #flush(): void {
    const keys = [...this.#keys];
    this.cancel();
    this.run(keys);
  }
}
