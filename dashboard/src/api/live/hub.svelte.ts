/**
 * Live events for all tabs over one connection.
 *
 * A browser opens six connections a host, so a stream per tab would stall every request from the sixth tab on. The tab
 * that holds a Web Lock leads: it reads the stream and passes each message on. When it closes, the lock goes to another
 * tab, which resumes at the last message it was passed. Where Web Locks are missing (plain HTTP to another machine) each
 * tab reads its own stream.
 */
import { authorisedFetch } from '../client';
import { decodeEvents } from './events';
import type { SseMessage } from './sse';
import { followEvents, type LinkStatus } from './stream';
import type { LiveListener } from './synced';

const NAME = 'tunewell-events';
const URL_PATH = '/api/v1/events';
/** A view waits so long for the stream before it fetches without it. */
const PATIENCE_MS = 1_000;

type TabMessage =
  | { readonly type: 'message'; readonly message: SseMessage }
  | { readonly type: 'status'; readonly status: LinkStatus; readonly lastId: string | null }
  | { readonly type: 'who-leads' };

class LiveHub {
  status = $state<LinkStatus>('connecting');
  #listeners = new Set<LiveListener>();
  #unsynced = new Set<LiveListener>();
  #lastId: string | null = null;
  #isLeader = false;
  #channel: BroadcastChannel | null = null;

  /** Join the other tabs; lead them when it is this tab's turn. Returns how to leave. */
  start(): () => void {
    const stop = new AbortController();
    const channel = new BroadcastChannel(NAME);
    this.#channel = channel;
    channel.onmessage = (event: MessageEvent<TabMessage>) => this.#hear(event.data);
    this.#tell({ type: 'who-leads' });
    const lead = (): Promise<void> => this.#lead(stop.signal);
    // `locks` is missing in insecure contexts, whatever the type says.
    const locks = navigator.locks as LockManager | undefined;
    if (locks) locks.request(NAME, { signal: stop.signal }, lead).catch(() => undefined);
    else void lead();
    return () => {
      stop.abort();
      channel.close();
    };
  }

  /** Give a view its first sync, then its events. Returns how to stop. */
  subscribe(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (this.status === 'live') {
      listener.onSync();
    } else {
      this.#unsynced.add(listener);
      timer = setTimeout(() => {
        if (this.#unsynced.has(listener)) listener.onSync(); // shows what can be read; the stream will sync it again
      }, PATIENCE_MS);
    }
    return () => {
      clearTimeout(timer);
      this.#listeners.delete(listener);
      this.#unsynced.delete(listener);
    };
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#isLeader = true;
    await followEvents({
      url: new URL(URL_PATH, window.location.origin).href,
      fetch: authorisedFetch,
      lastId: this.#lastId,
      onMessage: (message) => {
        this.#tell({ type: 'message', message });
        this.#take(message);
      },
      onStatus: (status) => {
        if (status === this.status) return;
        this.#show(status);
        this.#tellStatus();
      },
      signal,
      pause,
      random: Math.random,
    });
    this.#isLeader = false;
  }

  #hear(said: TabMessage): void {
    if (said.type === 'who-leads') {
      if (this.#isLeader) this.#tellStatus();
    } else if (!this.#isLeader) {
      if (said.type === 'message') this.#take(said.message);
      else {
        this.#lastId ??= said.lastId;
        this.#show(said.status);
      }
    }
  }

  #take(message: SseMessage): void {
    if (message.id !== '' && (message.event !== 'hello' || this.#lastId === null)) this.#lastId = message.id;
    if (message.event === 'reset') this.#sync(this.#listeners);
    for (const event of decodeEvents(message)) this.#listeners.forEach((listener) => listener.onEvent(event));
  }

  #show(status: LinkStatus): void {
    this.status = status;
    if (status !== 'live') return;
    const unsynced = [...this.#unsynced];
    this.#unsynced.clear();
    this.#sync(unsynced);
  }

  #sync(listeners: Iterable<LiveListener>): void {
    for (const listener of listeners) listener.onSync();
  }

  #tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  #tellStatus(): void {
    this.#tell({ type: 'status', status: this.status, lastId: this.#lastId });
  }
}

/** Wait, but not longer than until the network is back or the reader returns to the tab. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
  });
}

export const live = new LiveHub();
