/** One connection to the server's events, kept alive: resumed by Last-Event-ID, retried with back-off. */
import { SseParser, type SseMessage } from './sse';

export type LinkStatus = 'connecting' | 'live' | 'reconnecting';

export interface StreamOptions {
  readonly url: string;
  readonly fetch: (request: Request) => Promise<Response>;
  /** Where to resume; null to start with new events only. */
  readonly lastId: string | null;
  readonly onMessage: (message: SseMessage) => void;
  readonly onStatus: (status: LinkStatus) => void;
  readonly signal: AbortSignal;
  /** Wait that many ms, or less where the network comes back sooner. */
  readonly pause: (ms: number) => Promise<void>;
  readonly random: () => number;
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;
/** The server sends a sign of life every 15 s; three times that without a byte means the connection is dead. */
const SILENCE_MS = 45_000;

/** Delay before try number `nFailures` (from 1): doubling, capped, spread over its upper half so that tabs do not march in step. */
export function backoffMs(nFailures: number, random: () => number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (nFailures - 1));
  return full * (0.5 + 0.5 * random());
}

/** Follow the events until the signal aborts. Effects: calls `onMessage` and `onStatus`. */
export async function followEvents(options: StreamOptions): Promise<void> {
  let lastId = options.lastId;
  let nFailures = 0;
  while (!options.signal.aborted) {
    try {
      await readStream(options, lastId, (message) => {
        nFailures = 0;
        // At a resumed stream `hello` carries the newest id, while older messages are still to come.
        if (message.id !== '' && (message.event !== 'hello' || lastId === null)) lastId = message.id;
        options.onStatus('live');
        options.onMessage(message);
      });
    } catch {
      // Refused, cut off or silent: all the same, it is tried again below.
    }
    if (options.signal.aborted) return;
    nFailures += 1;
    options.onStatus('reconnecting');
    await options.pause(backoffMs(nFailures, options.random));
  }
}

async function readStream(options: StreamOptions, lastId: string | null, onMessage: (m: SseMessage) => void): Promise<void> {
  const headers = { Accept: 'text/event-stream', ...(lastId === null ? {} : { 'Last-Event-ID': lastId }) };
  const silence = new AbortController();
  const signal = AbortSignal.any([options.signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await options.fetch(new Request(options.url, { headers, signal, cache: 'no-store' }));
    if (!response.ok || response.body === null) throw new Error(`events: ${response.status}`);
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      parser.push(decoder.decode(piece.value, { stream: true })).forEach(onMessage);
    }
  } finally {
    clearTimeout(timer);
  }
}
