import { describe, expect, it } from 'vitest';
import { nextSize, sendAll, waitMs, type Line, type Sending } from './send';

const CHUNK = 1_000_000;

/** A server that keeps what it hears and can be made deaf. */
class Server implements Line {
  heard = 0;
  readonly pieces: [number, number][] = [];
  /** What the next calls do instead of answering. */
  readonly failures: unknown[] = [];

  readonly isPassing = (error: unknown): boolean => error === 'away';
  readonly ask = (): Promise<number> => this.answer(() => this.heard);
  readonly send = (from: number, to: number): Promise<number> =>
    this.answer(() => {
      this.pieces.push([from, to]);
      if (from === this.heard) this.heard = to;
      return this.heard;
    });

  private answer(act: () => number): Promise<number> {
    const failure = this.failures.shift();
    return failure === undefined ? Promise.resolve(act()) : Promise.reject(failure);
  }
}

function sending(nBytes: number, changes: Partial<Sending> = {}): Sending & { waits: number[]; progress: number[]; troubles: unknown[] } {
  const [waits, progress, troubles] = [[] as number[], [] as number[], [] as unknown[]];
  return {
    nBytes,
    offset: 0,
    chunkBytes: CHUNK,
    signal: new AbortController().signal,
    nowMs: () => 0,
    pause: (ms) => Promise.resolve(void waits.push(ms)),
    onprogress: (offset) => progress.push(offset),
    ontrouble: (error) => troubles.push(error),
    waits,
    progress,
    troubles,
    ...changes,
  };
}

describe('sendAll', () => {
  it('sends pieces that join, ever larger while they are quick', async () => {
    const server = new Server();
    const work = sending(2_000_000);
    await sendAll(server, work);
    expect(server.pieces).toEqual([[0, 262_144], [262_144, 786_432], [786_432, 1_786_432], [1_786_432, 2_000_000]]);
    expect(work.progress.at(-1)).toBe(2_000_000);
  });

  it('asks how far it came when the line was lost, and goes on from there', async () => {
    const server = new Server();
    const work = sending(600_000);
    server.failures.push(undefined, 'away', 'away');
    await sendAll(server, work);
    expect(server.heard).toBe(600_000);
    expect(server.pieces.map(([from]) => from)).toEqual([0, 262_144]);
    expect(work.waits).toEqual([500, 1000]);
    expect(work.troubles).toEqual(['away', 'away', null]);
  });

  it('bears an answer that was lost after its piece had arrived', async () => {
    const server = new Server();
    const { send } = server;
    let isLost = true;
    const line: Line = {
      ...server,
      ask: () => server.ask(),
      send: async (from, to, signal) => {
        const reached = await send(from, to);
        if (isLost && !signal.aborted) {
          isLost = false;
          throw 'away' as unknown as Error;
        }
        return reached;
      },
    };
    await sendAll(line, sending(500_000));
    expect(server.pieces).toEqual([[0, 262_144], [262_144, 500_000]]);
  });

  it('begins where an earlier try ended', async () => {
    const server = new Server();
    server.heard = 500_000;
    await sendAll(server, sending(600_000, { offset: 500_000 }));
    expect(server.pieces).toEqual([[500_000, 600_000]]);
  });

  it('gives up at a refusal', async () => {
    const server = new Server();
    server.failures.push('too large');
    await expect(sendAll(server, sending(10))).rejects.toBe('too large');
  });

  it('gives up where the server never moves', async () => {
    const line: Line = { ask: () => Promise.resolve(0), send: () => Promise.resolve(0), isPassing: () => false };
    await expect(sendAll(line, sending(10))).rejects.toThrow('stays at byte 0');
  });

  it('stops when told, in the middle of a piece or of a wait', async () => {
    const stop = new AbortController();
    const server = new Server();
    server.failures.push('away');
    const pause = (_: number, signal: AbortSignal): Promise<void> => {
      stop.abort(new Error('paused'));
      signal.throwIfAborted();
      return Promise.resolve();
    };
    await expect(sendAll(server, sending(10, { signal: stop.signal, pause }))).rejects.toThrow('paused');
    expect(server.heard).toBe(0);
  });
});

describe('nextSize', () => {
  it('aims at a second a piece, within bounds', () => {
    expect([nextSize(400_000, 100, CHUNK), nextSize(400_000, 1_600, CHUNK), nextSize(400_000, 9_000, CHUNK)]).toEqual([800_000, 250_000, 200_000]);
    expect([nextSize(900_000, 1, CHUNK), nextSize(70_000, 9_000, CHUNK), nextSize(1_000, 9_000, 1_000)]).toEqual([CHUNK, 65_536, 1_000]);
  });
});

it('waits longer each time, but not for ever', () => expect([1, 2, 3, 9].map(waitMs)).toEqual([500, 1000, 2000, 15_000]));
