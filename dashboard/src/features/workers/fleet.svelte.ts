/** Workers and queues, fetched again when an event or the clock says that they have changed. */
import { listWorkers } from '$api/catalogue';
import { drainWorker, listQueues, undrainWorker, type Queue } from '$api/fleet';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Worker } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const SETTLE_MS = 500;
/** Heartbeats send no event: their age, and what machines use, are read again now and then. */
const REFRESH_MS = 5_000;
const SECOND_MS = 1_000;

export class FleetStore {
  workers: readonly Worker[] = $state.raw([]);
  queues: readonly Queue[] = $state.raw([]);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  changing: number | null = $state(null);
  nowMs = $state(Date.now());
  readonly synced = new Synced(this);
  #stale = new Coalescer<'fleet'>(SETTLE_MS, () => void this.synced.reload());

  /** Keep reading. Returns how to stop. */
  start(): () => void {
    const refresh = setInterval(() => void this.synced.reload(), REFRESH_MS);
    const tick = setInterval(() => (this.nowMs = Date.now()), SECOND_MS);
    return () => {
      clearInterval(refresh);
      clearInterval(tick);
      this.#stale.cancel();
    };
  }

  async load(): Promise<void> {
    try {
      [this.workers, this.queues] = await Promise.all([listWorkers(), listQueues()]);
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'worker' || event.kind === 'trial') this.#stale.add('fleet');
  }

  /** Drain a worker, or let a drained one go on. */
  async toggle(worker: Worker): Promise<void> {
    this.changing = worker.worker_id;
    try {
      const changed = await (worker.state === 'DRAINING' ? undrainWorker : drainWorker)(worker.worker_id);
      this.workers = this.workers.map((one) => (one.worker_id === changed.worker_id ? changed : one));
      announcer.say(`Worker ${changed.name} is now ${changed.state}.`);
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    } finally {
      this.changing = null;
    }
  }
}
