/** The reader's token, for servers that ask for one. Kept for this tab's session; other open tabs are told. */
const KEY = 'tunewell.token';
const CHANNEL = 'tunewell-token';

class Session {
  token = $state<string | null>(readStored());
  /** Whether the dialog that asks for a token is open. */
  isAsking = $state(false);
  /** The reader closed the dialog: nothing asks again until `reopen`, or the stream would at every try. */
  isDeclined = $state(false);
  #channel = new BroadcastChannel(CHANNEL);
  #waiting: ((token: string | null) => void)[] = [];

  constructor() {
    this.#channel.onmessage = (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.#settle(event.data);
    };
  }

  /** Ask the reader for a token; everybody who asks meanwhile gets the same answer, `null` where the reader declined. */
  ask(): Promise<string | null> {
    if (this.isDeclined) return Promise.resolve(null);
    this.isAsking = true;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Open the dialog because the reader wants to. */
  reopen(): void {
    this.isDeclined = false;
    this.isAsking = true;
  }

  /** The reader's answer. Effects: stores the token and tells other tabs. */
  answer(token: string | null): void {
    if (token !== null) this.#channel.postMessage(token);
    this.#settle(token);
  }

  #settle(token: string | null): void {
    this.isDeclined = token === null;
    if (token !== null) {
      this.token = token;
      store(token);
    }
    this.isAsking = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(token);
  }
}

function readStored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(token: string): void {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Storage is closed to this page: the token lasts until it is left.
  }
}

export const session = new Session();
