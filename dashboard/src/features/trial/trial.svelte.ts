/** One trial: details, metrics and artifacts, kept current by events. The log has a store of its own. */
import type { LiveEvent, MetricsEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { getMetrics, getTrial, listArtifacts, stopTrial } from '$api/trials';
import type { Artifact, TrialDetail } from '$api/types';
import { growSeries, type Curve } from '$charts/curves';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';
import { LogStore } from './log.svelte';

const MAX_POINTS = 1_000;
const REFRESH_MS = 300;

export class TrialStore {
  trial: TrialDetail | null = $state.raw(null);
  /** One curve a metric; its label is the metric's name. */
  series: readonly Curve[] = $state.raw([]);
  artifacts: readonly Artifact[] = $state.raw([]);
  problem: Problem | null = $state.raw(null);
  readonly log = new LogStore();
  readonly synced = new Synced(this);
  #stale = new Coalescer<'trial'>(REFRESH_MS, () => void this.synced.reload());

  constructor(
    private readonly study: string,
    private readonly number: number,
  ) {}

  async load(): Promise<void> {
    try {
      const trial = await getTrial(this.study, this.number);
      const [series, artifacts] = await Promise.all([
        getMetrics(trial.trial_id, MAX_POINTS),
        listArtifacts(trial.trial_id),
      ]);
      void this.log.follow(trial.trial_id); // may be long: nothing waits for it
      if (this.trial && this.trial.state !== trial.state) announcer.say(`Trial ${trial.number} is now ${trial.state}.`);
      this.trial = trial;
      this.series = series.map(({ name, steps, values }) => toCurve(trial, name, steps, values));
      this.artifacts = artifacts;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (!('trialId' in event) || event.trialId !== this.trial?.trial_id) return;
    if (event.kind === 'trial') this.#stale.add('trial');
    else if (event.kind === 'metrics') this.#grow(event, this.trial);
    else void this.log.fetchMore();
  }

  async stopTrial(): Promise<void> {
    if (!this.trial) return;
    try {
      await stopTrial(this.trial.trial_id);
      await this.synced.reload();
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  stop(): void {
    this.#stale.cancel();
  }

  #grow(event: MetricsEvent, trial: TrialDetail): void {
    this.series = growSeries(this.series, event.points, (name) => toCurve(trial, name, [], []));
    this.trial = { ...trial, step: event.step ?? trial.step, n_steps: event.nSteps ?? trial.n_steps };
  }
}

function toCurve(trial: TrialDetail, name: string, steps: readonly number[], values: readonly number[]): Curve {
  return { id: trial.trial_id, label: name, state: trial.state, steps, values };
}
