/**
 * Whether the reader is signed in. The server knows by a cookie that no script can read, this one included; what changes
 * need besides is the CSRF token, which the server tells and which is kept in memory alone.
 */
const PATH = '/api/v1/session';
const CHANNEL = 'tunewell-session';
/** Where dashboards of before kept the token itself. */
const FORMER_KEY = 'tunewell.token';
const JSON_TYPE = { 'Content-Type': 'application/json' };

interface Said {
  readonly csrf_token: string | null;
}

class Session {
  /** Whether the dialog that asks for a token is open. */
  isAsking = $state(false);
  /** The reader closed the dialog: nothing asks again until `reopen`, or the stream would at every try. */
  isDeclined = $state(false);
  /** Whether there is something to sign out of. */
  isSignedIn = $state(false);
  /** Grows with each sign-in, so that a request can tell whether one happened while it was under way. */
  count = 0;
  #csrf: Promise<string | null> | null = null;
  #channel = new BroadcastChannel(CHANNEL);
  #waiting: ((isIn: boolean) => void)[] = [];

  constructor() {
    forgetFormerToken();
    this.#channel.onmessage = (event: MessageEvent<unknown>) => {
      if (event.data === 'signed-in') this.#settle(true);
      else window.location.reload();
    };
  }

  /** What a change sends along; `null` where the server wants nothing, or nobody is signed in. Asked for once. */
  csrfToken(): Promise<string | null> {
    this.#csrf ??= this.#look();
    return this.#csrf;
  }

  /** Ask for the CSRF token again at the next change: the server refused the one there is. */
  forgetCsrfToken(): void {
    this.#csrf = null;
  }

  /** Ask the reader for a token; everybody who asks meanwhile gets the same answer: whether the reader is signed in. */
  ask(): Promise<boolean> {
    if (this.isDeclined) return Promise.resolve(false);
    this.isAsking = true;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Open the dialog because the reader wants to. */
  reopen(): void {
    this.isDeclined = false;
    this.isAsking = true;
  }

  /** Sign in with a token. Returns what the server has against it, or null. Effects: a cookie; other tabs are told. */
  async signIn(token: string): Promise<string | null> {
    const response = await fetch(PATH, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ token }) }).catch(() => null);
    if (response === null) return 'The server does not answer.';
    if (!response.ok) return refusalIn(response);
    this.#channel.postMessage('signed-in');
    this.#settle(true, ((await response.json()) as Said).csrf_token);
    return null;
  }

  /** The reader closes the dialog. */
  decline(): void {
    this.#settle(false);
  }

  /** Sign out, here and in the other tabs. Effects: every tab is loaded anew. */
  async signOut(): Promise<void> {
    const token = await this.csrfToken();
    await fetch(PATH, { method: 'DELETE', headers: token === null ? {} : { 'X-CSRF-Token': token } }).catch(() => null);
    this.#channel.postMessage('signed-out');
    window.location.reload();
  }

  async #look(): Promise<string | null> {
    const response = await fetch(PATH, { cache: 'no-store' }).catch(() => null);
    const token = response?.ok ? ((await response.json()) as Said).csrf_token : null;
    // Where nobody is signed in yet, the next change looks again.
    if (!response?.ok) this.#csrf = null;
    this.isSignedIn = token !== null;
    return token;
  }

  #settle(isIn: boolean, csrfToken: string | null = null): void {
    this.isDeclined = !isIn;
    this.isAsking = false;
    if (isIn) {
      this.count += 1;
      this.#csrf = csrfToken === null ? null : Promise.resolve(csrfToken);
      this.isSignedIn = true;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(isIn);
  }
}

/** What the server said when it refused a sign-in. */
async function refusalIn(response: Response): Promise<string> {
  const body = (await response.json().catch(() => null)) as { error?: { message?: string; hint?: string | null } } | null;
  const said = [body?.error?.message, body?.error?.hint].filter((text) => text).join('; ');
  return said === '' ? `The server answered ${response.status}.` : `The server refused: ${said}.`;
}

function forgetFormerToken(): void {
  try {
    sessionStorage.removeItem(FORMER_KEY);
  } catch {
    // Storage is closed to this page: there is nothing in it either.
  }
}

export const session = new Session();
