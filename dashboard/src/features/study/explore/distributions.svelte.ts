/** How values are spread over the trials of this study and of others that the reader named. */
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { listStudies } from '$api/studies';
import { getDistribution } from '$api/timeline';
import type { Distribution } from '$charts/edf';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const STALE_MS = 3_000;

/** A study whose distribution cannot be shown, and why. */
export interface Missing {
  readonly name: string;
  readonly why: string;
}

export class DistributionsStore {
  shown: readonly Distribution[] = $state.raw([]);
  missing: readonly Missing[] = $state.raw([]);
  /** Names of studies to choose from. */
  known: readonly string[] = $state.raw([]);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #others: readonly string[] = [];
  #metric = '';
  #nLoads = 0;
  #stale = new Coalescer<'values'>(STALE_MS, () => void this.load());

  constructor(
    private readonly studyId: number,
    private readonly name: string,
  ) {}

  /** Show an objective of this study and of others. */
  async show(metric: string, others: readonly string[]): Promise<void> {
    this.#metric = metric;
    this.#others = others.filter((name) => name !== this.name);
    await this.load();
  }

  async load(): Promise<void> {
    if (this.#metric === '') return;
    const load = ++this.#nLoads;
    const found = await Promise.all([this.name, ...this.#others].map((name) => this.#read(name)));
    if (load !== this.#nLoads) return;
    this.shown = found.flatMap((one) => ('values' in one ? [one] : []));
    this.missing = found.flatMap((one) => ('why' in one ? [one] : []));
    this.isLoaded = true;
  }

  /** Fetch names of studies to choose from, once the reader wants them. */
  async loadNames(): Promise<void> {
    if (this.known.length > 0) return;
    try {
      const page = await listStudies({ limit: 200 });
      this.known = page.items.map(({ name }) => name).filter((name) => name !== this.name);
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    const isOver = event.kind === 'trial' && event.state !== 'RUNNING' && event.state !== 'WAITING';
    if (isOver && event.studyId === this.studyId) this.#stale.add('values');
  }

  stop(): void {
    this.#stale.cancel();
  }

  async #read(name: string): Promise<Distribution | Missing> {
    try {
      const read = await getDistribution(name === this.name ? this.studyId : name, this.#metric);
      return read.state === 'COMPLETE' ? { name, values: read.values, shares: read.shares } : { name, why: read.reason ?? '' };
    } catch (error) {
      return { name, why: toProblem(error).message };
    }
  }
}
