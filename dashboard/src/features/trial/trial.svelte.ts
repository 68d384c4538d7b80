/** One trial: details, metrics and artifacts, kept current by events. The log has a store of its own. */
import type { LiveEvent, MetricsEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { getStudy } from '$api/studies';
import { getMetrics, getTrial, listArtifacts, repeatTrial, retryTrial, setTags, stopTrial } from '$api/trials';
import type { Artifact, Study, Trial, TrialDetail } from '$api/types';
import { growSeries, type Curve } from '$charts/curves';
import { announcer } from '$lib/announce.svelte';
import { Coalescer } from '$lib/coalesce';
import { isForecasting } from '$lib/study';
import { toProblem, type Problem } from '$lib/problem';
import { LogStore } from './log.svelte';

const MAX_POINTS = 1_000;
const REFRESH_MS = 300;
/** The live stream leaves members' points and forecasts out: while they are shown, they are read again now and then. */
const MEMBERS_MS = 2_000;

export class TrialStore {
  trial: TrialDetail | null = $state.raw(null);
  /** One curve a metric, and one a member where those are shown; its label is the full name, such as `val_loss@r2f1`. */
  series: readonly Curve[] = $state.raw([]);
  study: Study | null = $state.raw(null);
  /** The metric that the study optimises. */
  objective = $state('');
  /** Whether the trial is trained more than once. */
  hasMembers = $state(false);
  showsMembers = $state(false);
  artifacts: readonly Artifact[] = $state.raw([]);
  problem: Problem | null = $state.raw(null);
  readonly log = new LogStore();
  readonly synced = new Synced(this);
  #isForecasting = false;
  #stale = new Coalescer<'trial'>(REFRESH_MS, () => void this.synced.reload());
  #oldMembers = new Coalescer<'members'>(MEMBERS_MS, () => void this.synced.reload());

  constructor(
    private readonly studyRef: string,
    private readonly number: number,
  ) {}

  async load(): Promise<void> {
    try {
      const trial = await getTrial(this.studyRef, this.number);
      const [series, artifacts, study] = await Promise.all([
        getMetrics(trial.trial_id, MAX_POINTS, this.showsMembers),
        listArtifacts(trial.trial_id),
        // Its best trial is another one now and then; what else is read of it stays as it is.
        trial.state === this.trial?.state ? this.study : getStudy(trial.study_id),
      ]);
      if (study) this.#know(study);
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

  /** Show or hide the curves of repeats and folds. */
  async showMembers(shows: boolean): Promise<void> {
    this.showsMembers = shows;
    await this.synced.reload();
  }

  /** Ask the trial to end; no new ones come of it. Raises: ProblemError. */
  async stopTrial(): Promise<readonly number[]> {
    if (this.trial) await stopTrial(this.trial.trial_id);
    return this.#added([]);
  }

  /** Run it once more and answer the new trial's number. Raises: ProblemError. */
  async retry(): Promise<readonly number[]> {
    return this.trial ? this.#added([await retryTrial(this.trial.trial_id)]) : [];
  }

  /** Run it again from other seeds and answer the new trials' numbers. Raises: ProblemError. */
  async repeat(n: number): Promise<readonly number[]> {
    return this.trial ? this.#added(await repeatTrial(this.trial.trial_id, n)) : [];
  }

  /** Give it these tags. Raises: ProblemError. */
  async tag(tags: readonly string[]): Promise<void> {
    if (this.trial) await setTags(this.trial.trial_id, tags);
    await this.synced.reload();
  }

  stop(): void {
    this.#stale.cancel();
    this.#oldMembers.cancel();
  }

  async #added(trials: readonly Trial[]): Promise<readonly number[]> {
    await this.synced.reload();
    return trials.map(({ number }) => number);
  }

  #know(study: Study): void {
    const { spec } = study;
    this.study = study;
    this.#isForecasting = isForecasting(study);
    this.objective = spec.objectives[0]?.metric ?? '';
    this.hasMembers = (spec.repeats?.n ?? 1) > 1 || spec.evaluation?.method === 'k_fold';
  }

  #grow(event: MetricsEvent, trial: TrialDetail): void {
    if (this.showsMembers || this.#isForecasting) this.#oldMembers.add('members');
    this.series = growSeries(this.series, event.points, (name) => toCurve(trial, name, [], []));
    this.trial = { ...trial, step: event.step ?? trial.step, n_steps: event.nSteps ?? trial.n_steps };
  }
}

function toCurve(trial: TrialDetail, name: string, steps: readonly number[], values: readonly number[]): Curve {
  return { id: trial.trial_id, label: name, state: trial.state, steps, values };
}
