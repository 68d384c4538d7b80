/** A study's advice and evaluations: read, asked for, kept current by events. */
import { listModels } from '$api/catalogue';
import { listAdvice, listEvaluations, requestEvaluation } from '$api/evaluations';
import type { LiveEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import type { Advice, Evaluation, EvaluationCreate } from '$api/types';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

/** Advice is worked out from all trials at each request, so it follows a running study at a distance. */
const ADVICE_MS = 3_000;
const EVALUATIONS_MS = 300;

export class EvaluationsStore {
  items: readonly Evaluation[] = $state.raw([]);
  isLoaded = $state(false);
  /** Whether the network makes examples instead of predicting: it is tested, but no baseline does the same. */
  isGenerative = $state(false);
  isBusy = $state(false);
  problem: Problem | null = $state.raw(null);
  /** Why the last request was refused. */
  refusal: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #stale = new Coalescer<'evaluations'>(EVALUATIONS_MS, () => void this.load());

  constructor(
    private readonly studyId: number,
    private readonly model: string,
  ) {}

  async load(): Promise<void> {
    try {
      const [items, models] = await Promise.all([listEvaluations(this.studyId), this.isLoaded ? [] : listModels()]);
      if (!this.isLoaded) this.isGenerative = models.find(({ name }) => name === this.model)?.is_generative ?? false;
      this.items = items;
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'evaluation' && event.studyId === this.studyId) this.#stale.add('evaluations');
  }

  async request(body: EvaluationCreate): Promise<void> {
    this.isBusy = true;
    this.refusal = null;
    try {
      const asked = await requestEvaluation(this.studyId, body);
      announcer.say(`${asked.kind}: ${asked.state.toLowerCase()}.`);
      await this.load();
    } catch (error) {
      this.refusal = toProblem(error);
    } finally {
      this.isBusy = false;
    }
  }

  stop(): void {
    this.#stale.cancel();
  }
}

export class AdviceStore {
  items: readonly Advice[] = $state.raw([]);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #stale = new Coalescer<'advice'>(ADVICE_MS, () => void this.load());

  constructor(private readonly studyId: number) {}

  async load(): Promise<void> {
    try {
      this.items = await listAdvice(this.studyId);
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    const isOver = event.kind === 'trial' && event.state !== 'RUNNING' && event.state !== 'WAITING';
    if (isOver && event.studyId === this.studyId) this.#stale.add('advice');
  }

  stop(): void {
    this.#stale.cancel();
  }
}
