/** The upload of this tab. It lives outside of its page, so that it goes on while the reader looks at other ones. */
import { beginUpload, cancelUpload, finishUpload, getUpload, isPassing, sendPiece, type Upload, type UploadCreate } from '$api/datasets';
import type { DatasetVersion } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { toProblem, type Problem } from '$lib/problem';
import { restS, speedOf, withSample, type Sample } from './pace';
import { sendAll } from './send';

export type Phase = 'idle' | 'hashing' | 'sending' | 'paused' | 'finishing' | 'done' | 'failed';

/** What is to be sent, as the form says it. */
export type Wanted = Omit<UploadCreate, 'n_bytes' | 'sha256' | 'filename'>;

const KEY = 'tunewell.upload:';
/** Hashing holds the whole file in memory. */
const MOST_HASHED_BYTES = 256 * 1024 * 1024;

class Uploader {
  phase: Phase = $state('idle');
  name = $state('');
  filename = $state('');
  nBytes = $state(0);
  offset = $state(0);
  /** Why nothing moves just now, or why it failed. */
  problem: Problem | null = $state.raw(null);
  version: DatasetVersion | null = $state.raw(null);
  #samples: readonly Sample[] = $state.raw([]);
  readonly speed = $derived(speedOf(this.#samples));
  readonly leftS = $derived(restS(this.nBytes - this.offset, this.speed));
  readonly isBusy = $derived(this.phase === 'hashing' || this.phase === 'sending' || this.phase === 'finishing');
  #file: File | null = null;
  #wanted: Wanted | null = null;
  #upload: Upload | null = null;
  #stop = new AbortController();

  /** Send a file from its beginning, or from where an earlier try of the same file with the same options ended. */
  async start(name: string, file: File, wanted: Wanted): Promise<void> {
    this.#file = file;
    this.#wanted = wanted;
    this.#upload = null;
    [this.name, this.filename, this.nBytes, this.offset] = [name, file.name, file.size, 0];
    this.version = null;
    await this.#run();
  }

  /** Stop sending; `resume` goes on. */
  pause(): void {
    this.#stop.abort();
    this.phase = 'paused';
  }

  resume(): Promise<void> {
    return this.#run();
  }

  /** Stop, and have the server forget what it has. */
  cancel(): void {
    this.#stop.abort();
    this.#drop();
    this.reset();
  }

  reset(): void {
    this.phase = 'idle';
    this.problem = null;
    this.#file = this.#upload = null;
  }

  async #run(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    this.problem = null;
    this.#samples = [];
    try {
      const upload = await this.#open(stop.signal);
      this.phase = 'sending';
      await this.#send(upload, stop.signal);
      this.phase = 'finishing';
      this.version = await finishUpload(upload.upload_id);
      this.#forget();
      this.phase = 'done';
      announcer.say(`${this.filename} has arrived.`);
    } catch (error) {
      if (stop.signal.aborted) return;
      this.problem = toProblem(error);
      this.phase = 'failed';
      if (!isPassing(error)) this.#drop(); // what was refused is refused again: another try begins anew
    }
  }

  /** The upload to go on with: the one under way, one that an earlier visit left, or a new one. */
  async #open(signal: AbortSignal): Promise<Upload> {
    const [file, wanted] = [this.#file, this.#wanted];
    if (!file || !wanted) throw new Error('There is no file to send.');
    const known = this.#upload?.upload_id ?? recall(this.#key());
    const found = known === null ? null : await getUpload(known).catch(() => null);
    if (found?.state === 'receiving' && found.n_bytes === file.size && found.name === this.name) return this.#take(found);
    this.phase = 'hashing';
    const sha256 = await hash(file);
    signal.throwIfAborted();
    const upload = await beginUpload(this.name, { ...wanted, n_bytes: file.size, filename: file.name, sha256 });
    remember(this.#key(), upload.upload_id);
    return this.#take(upload);
  }

  #take(upload: Upload): Upload {
    this.#upload = upload;
    this.#reach(upload.offset);
    return upload;
  }

  async #send(upload: Upload, signal: AbortSignal): Promise<void> {
    const { upload_id: id, offset, chunk_bytes: chunkBytes } = upload;
    const file = this.#file;
    if (!file) return;
    const line = {
      ask: async () => (await getUpload(id)).offset,
      send: (from: number, to: number, stop: AbortSignal) => sendPiece(id, from, file.slice(from, to), stop),
      isPassing,
    };
    await sendAll(line, {
      ...{ nBytes: file.size, offset, chunkBytes, signal, pause, nowMs: () => performance.now() },
      onprogress: (reached) => this.#reach(reached),
      ontrouble: (error) => (this.problem = error === null ? null : toProblem(error)),
    });
  }

  #reach(offset: number): void {
    this.offset = offset;
    this.#samples = withSample(this.#samples, { atMs: performance.now(), nBytes: offset });
  }

  #drop(): void {
    const upload = this.#upload;
    this.#forget();
    this.#upload = null;
    if (upload) void cancelUpload(upload.upload_id).catch(() => undefined); // the server forgets it by itself, later
  }

  #forget(): void {
    remember(this.#key(), null);
  }

  /** The same file with the same options has the same key, also after the page was closed. */
  #key(): string {
    const { name, size, lastModified } = this.#file ?? { name: '', size: 0, lastModified: 0 };
    return KEY + JSON.stringify([this.name, name, size, lastModified, this.#wanted]);
  }
}

/** SHA-256 in hex; null where the file is large, or the browser gives no digests (plain HTTP on another host). */
async function hash(file: Blob): Promise<string | null> {
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (file.size > MOST_HASHED_BYTES || !subtle) return null;
  const digest = new Uint8Array(await subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key: string, id: string | null): void {
  try {
    if (id === null) localStorage.removeItem(key);
    else localStorage.setItem(key, id);
  } catch {
    // Storage is closed to this page: an upload that breaks off with it begins anew.
  }
}

/** Wait, but not longer than until the network is back. Rejects when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      window.removeEventListener('online', end);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    window.addEventListener('online', end);
    signal.addEventListener('abort', end, { once: true });
  });
}

export const uploader = new Uploader();
