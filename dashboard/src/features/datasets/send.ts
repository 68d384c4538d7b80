/** Sends bytes in pieces and goes on where the server stopped hearing: after a lost line it asks how far it came. */

export interface Line {
  /** How many bytes the server has. */
  readonly ask: () => Promise<number>;
  /** Send the bytes from `from` up to `to`. Returns how many the server has. */
  readonly send: (from: number, to: number, signal: AbortSignal) => Promise<number>;
  /** Whether a failure may be over at the next try. */
  readonly isPassing: (error: unknown) => boolean;
}

export interface Sending {
  readonly nBytes: number;
  /** Where to begin. */
  readonly offset: number;
  /** The most that one piece may carry. */
  readonly chunkBytes: number;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Wait. Rejects when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onprogress: (offset: number) => void;
  /** Told of each failure that is borne, and `null` when the line is back. */
  readonly ontrouble: (error: unknown) => void;
}

const FIRST_BYTES = 256 * 1024;
const LEAST_BYTES = 64 * 1024;
/** A piece takes about so long, so that progress moves and little is lost with the line. */
const PIECE_MS = 1_000;
const WAIT_MS = 500;
const MOST_WAIT_MS = 15_000;
/** The server answers but the file does not move: somebody else sends it, or it will never be taken. */
const MOST_STUCK = 8;

/** Send all. Raises: what `send` or `ask` raises, where trying again is of no use; the signal's reason when aborted. */
export async function sendAll(line: Line, sending: Sending): Promise<void> {
  const { nBytes, chunkBytes, signal, nowMs } = sending;
  let { offset } = sending;
  let size = Math.min(FIRST_BYTES, chunkBytes);
  let nTries = 0;
  while (offset < nBytes) {
    signal.throwIfAborted();
    try {
      if (nTries > 0) offset = await line.ask();
      const began = nowMs();
      const reached = offset >= nBytes ? offset : await line.send(offset, Math.min(offset + size, nBytes), signal);
      size = nextSize(size, nowMs() - began, chunkBytes);
      if (nTries > 0) sending.ontrouble(null);
      nTries = reached > offset ? 0 : nTries + 1;
      offset = reached;
      sending.onprogress(offset);
      if (nTries > MOST_STUCK) throw new Error(`The server stays at byte ${offset}.`);
    } catch (error) {
      signal.throwIfAborted();
      if (!line.isPassing(error)) throw error;
      nTries += 1;
      sending.ontrouble(error);
      await sending.pause(waitMs(nTries), signal);
    }
  }
}

/** Twice as much after a quick piece, half after a slow one. */
export function nextSize(size: number, tookMs: number, most: number): number {
  const wanted = size * Math.min(Math.max(PIECE_MS / Math.max(tookMs, 1), 0.5), 2);
  return Math.min(Math.max(Math.round(wanted), Math.min(LEAST_BYTES, most)), most);
}

/** How long to wait before the n-th try: longer each time, up to 15 s. */
export const waitMs = (nTries: number): number => Math.min(WAIT_MS * 2 ** (nTries - 1), MOST_WAIT_MS);
