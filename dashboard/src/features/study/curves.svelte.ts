/** Learning curves of a study's trials for one metric: fetched once, then grown by events. */
import { getCurves } from '$api/studies';
import type { LiveEvent, MetricsEvent, TrialEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { mergePoints, type Curve } from '$charts/curves';
import { Coalescer } from '$lib/coalesce';
import { toProblem, type Problem } from '$lib/problem';

const MAX_TRIALS = 200;
const MAX_POINTS = 200;
/** Live points come in full detail; past so many the server's down-sampled curves are fetched again. */
const MAX_LIVE_POINTS = 4 * MAX_POINTS;

export interface TrialCurve extends Curve {
  readonly number: number;
}

/** Forecasts come with the curves alone: while trials run, they are read again now and then. */
const FORECAST_MS = 2_000;

const labelOf = (number: number): string => `Trial ${number}`;

export class CurvesStore {
  curves: readonly TrialCurve[] = $state.raw([]);
  /** Names of metrics seen in events, which no catalogue may know. */
  seen: readonly string[] = $state.raw([]);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #oldForecasts = new Coalescer<'forecasts'>(FORECAST_MS, () => void this.synced.reload());

  constructor(
    private readonly studyId: number,
    private metric: string,
    private readonly hasForecasts = false,
  ) {}

  stop(): void {
    this.#oldForecasts.cancel();
  }

  /** Show another metric. */
  choose(metric: string): void {
    if (metric === this.metric) return;
    this.metric = metric;
    void this.synced.reload();
  }

  async load(): Promise<void> {
    const metric = this.metric;
    try {
      const read = await getCurves(String(this.studyId), metric, MAX_TRIALS, MAX_POINTS);
      if (metric !== this.metric) return; // another metric was chosen meanwhile
      this.curves = read.map((curve) => ({ ...curve, id: curve.trialId, label: labelOf(curve.number) }));
      this.isLoaded = true;
      this.problem = null;
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'metrics' && event.studyId === this.studyId) this.#grow(event);
    if (event.kind === 'trial' && event.studyId === this.studyId) this.#restate(event);
  }

  #grow(event: MetricsEvent): void {
    const unseen = event.points.map(([name]) => name).filter((name) => !this.seen.includes(name));
    if (unseen.length > 0) this.seen = [...this.seen, ...new Set(unseen)];
    const points = event.points.filter(([name]) => name === this.metric).map(([, step, value]) => [step, value] as const);
    if (points.length === 0) return;
    if (this.hasForecasts) this.#oldForecasts.add('forecasts');
    const old = this.curves.find((curve) => curve.id === event.trialId) ?? fresh(event);
    const grown = mergePoints(old, points);
    this.curves = [grown, ...this.curves.filter((curve) => curve.id !== grown.id)].slice(0, MAX_TRIALS);
    if (grown.steps.length > MAX_LIVE_POINTS) void this.synced.reload();
  }

  #restate({ trialId, state }: TrialEvent): void {
    if (!this.curves.some((curve) => curve.id === trialId && curve.state !== state)) return;
    this.curves = this.curves.map((curve) => (curve.id === trialId ? { ...curve, state } : curve));
  }
}

function fresh(event: MetricsEvent): TrialCurve {
  const { trialId: id, number } = event;
  return { id, number, label: labelOf(number), state: 'RUNNING', steps: [], values: [] };
}
