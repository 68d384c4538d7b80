/** The order that leaves no gap and shows nothing twice: hear events, then fetch the state, then apply what was heard. */
import type { LiveEvent } from './events';

export interface LiveListener {
  /** The state must be fetched (again): the stream has just begun, or what was missed is gone. */
  onSync(): void;
  onEvent(event: LiveEvent): void;
}

export interface View {
  /** Fetch the whole state that the view shows. */
  load(): Promise<void>;
  /** Change the state by one event. Must bear events that the fetched state already includes. */
  apply(event: LiveEvent): void;
}

/** A view that keeps back events while its state is being fetched. */
export class Synced implements LiveListener {
  #nLoads = 0;
  #held: LiveEvent[] | null = null;

  constructor(private readonly view: View) {}

  onSync(): void {
    void this.reload();
  }

  onEvent(event: LiveEvent): void {
    if (this.#held) this.#held.push(event);
    else this.view.apply(event);
  }

  /** Fetch the state, then apply the events that arrived meanwhile. A newer reload takes over an older one. */
  async reload(): Promise<void> {
    const load = ++this.#nLoads;
    this.#held ??= [];
    await this.view.load();
    if (load !== this.#nLoads) return;
    const held = this.#held;
    this.#held = null;
    held.forEach((event) => this.view.apply(event));
  }
}
