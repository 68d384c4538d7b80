/** Learning curves of a study's trials for one metric: fetched at the chart's detail, then grown by events. */
import { getCurves, type CurvesRequest, type StudyCurve } from '$api/studies';
import type { LiveEvent, MetricsEvent, TrialEvent } from '$api/live/events';
import { Synced } from '$api/live/synced';
import { mergePoints } from '$charts/curves';
import type { TimedCurve } from '$charts/field';
import { Coalescer } from '$lib/coalesce';
import { isOwnMetric } from '$lib/metrics';
import { toProblem, type Problem } from '$lib/problem';
import { mergeWindow, type Bounds } from './windows';

export const MAX_TRIALS = 1_000;
/** Live points come in full detail; past so many times the chart's detail the server's down-sampled curves are read again. */
const MAX_LIVE_SHARE = 4;
/** How soon grown curves are read again where an event does not say all that is drawn, such as when a point was made. */
const STALE_MS = 300;
/** A window that is still being dragged or scrolled is not fetched at every place. */
const ZOOM_MS = 150;

export interface TrialCurve extends TimedCurve {
  readonly number: number;
}

/** What the chart shows, and in which detail. */
export type Wanted = Pick<CurvesRequest, 'metric' | 'x' | 'maxPoints'> & Bounds;

/** Forecasts come with the curves alone: while trials run, they are read again now and then. */
const FORECAST_MS = 2_000;

const toCurve = (curve: StudyCurve): TrialCurve => ({ ...curve, id: curve.trialId, label: `Trial ${curve.number}` });

export class CurvesStore {
  curves: readonly TrialCurve[] = $state.raw([]);
  /** Trials that have the metric, shown or not. */
  nTrials = $state(0);
  /** Width of a column that the server cut the curves into; null where every point is there. */
  column: number | null = $state(null);
  /** Names of metrics that trials reported, which no catalogue may know: read with the curves, then seen in events. */
  seen: readonly string[] = $state.raw([]);
  isLoaded = $state(false);
  problem: Problem | null = $state.raw(null);
  readonly synced = new Synced(this);
  #chosen: readonly number[] = [];
  #oldForecasts = new Coalescer<'forecasts'>(FORECAST_MS, () => void this.synced.reload());
  #grown = new Coalescer<number>(STALE_MS, (numbers) => void this.#read(numbers));
  #zoomed = new Coalescer<'window'>(ZOOM_MS, () => void this.#loadWindow());

  constructor(
    private readonly studyId: number,
    private wanted: Wanted,
    private readonly hasForecasts = false,
  ) {}

  stop(): void {
    for (const timer of [this.#oldForecasts, this.#grown, this.#zoomed]) timer.cancel();
  }

  /** Show another metric, axis, detail or window. */
  want(wanted: Wanted): void {
    const before = this.wanted;
    this.wanted = wanted;
    const isOther = before.metric !== wanted.metric || before.x !== wanted.x || before.maxPoints !== wanted.maxPoints;
    if (isOther) void this.synced.reload();
    else if (before.low !== wanted.low || before.high !== wanted.high) this.#zoomed.add('window');
  }

  /** Show some trials in full detail, whatever all curves together allow. */
  choose(numbers: readonly number[]): void {
    this.#chosen = numbers.slice(0, MAX_DETAILED);
    if (this.column !== null && this.#chosen.length > 0) void this.#read(this.#chosen);
  }

  async load(): Promise<void> {
    const { metric, x, maxPoints, low } = this.wanted;
    try {
      const read = await getCurves(this.studyId, { metric, x, maxPoints, maxTrials: MAX_TRIALS });
      if (metric !== this.wanted.metric || x !== this.wanted.x) return; // another one was chosen meanwhile
      this.curves = read.curves.map(toCurve);
      [this.nTrials, this.column] = [read.nTrials, read.column];
      this.#see(read.metrics);
      this.isLoaded = true;
      this.problem = null;
      if (low !== null) await this.#loadWindow();
      else if (this.column !== null && this.#chosen.length > 0) await this.#read(this.#chosen);
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  apply(event: LiveEvent): void {
    if (event.kind === 'metrics' && event.studyId === this.studyId) this.#grow(event);
    if (event.kind === 'trial' && event.studyId === this.studyId) this.#restate(event);
  }

  /** Read the shown window anew, first of all curves, then of the chosen ones, and put it into what is there. */
  async #loadWindow(): Promise<void> {
    if (this.column === null) return; // nothing was left out
    await this.#read([]);
    if (this.#chosen.length > 0) await this.#read(this.#chosen);
  }

  /** Read the shown window of some trials (none named: of all). */
  async #read(numbers: readonly number[]): Promise<void> {
    const wanted = this.wanted;
    try {
      const read = await getCurves(this.studyId, { ...wanted, maxTrials: MAX_TRIALS, numbers });
      if (wanted !== this.wanted && (wanted.metric !== this.wanted.metric || wanted.x !== this.wanted.x)) return;
      const fresh = new Map(read.curves.map((curve) => [curve.trialId, toCurve(curve)]));
      const known = new Set(this.curves.map(({ id }) => id));
      const grown = this.curves.map((curve) => {
        const now = fresh.get(curve.id);
        return now ? mergeWindow(curve, now, wanted) : curve;
      });
      this.curves = [...[...fresh.values()].filter(({ id }) => !known.has(id)), ...grown];
    } catch (error) {
      this.problem = toProblem(error);
    }
  }

  #grow(event: MetricsEvent): void {
    this.#see(event.points.map(([name]) => name).filter(isOwnMetric));
    const points = event.points.filter(([name]) => name === this.wanted.metric).map(([, step, value]) => [step, value] as const);
    if (points.length === 0) return;
    if (this.hasForecasts) this.#oldForecasts.add('forecasts');
    if (this.wanted.x === 'time') {
      this.#grown.add(event.number);
      return;
    }
    const known = this.curves.find((curve) => curve.id === event.trialId);
    if (!known) this.nTrials += 1;
    const old = known ?? fresh(event);
    const grown = mergePoints(old, points);
    const others = this.curves.filter((curve) => curve.id !== grown.id);
    this.curves = [grown, ...others].slice(0, MAX_TRIALS);
    if (grown.steps.length > MAX_LIVE_SHARE * this.wanted.maxPoints) this.#grown.add(event.number);
  }

  #see(names: readonly string[]): void {
    const unseen = names.filter((name) => !this.seen.includes(name));
    if (unseen.length > 0) this.seen = [...this.seen, ...new Set(unseen)];
  }

  #restate({ trialId, state }: TrialEvent): void {
    if (!this.curves.some((curve) => curve.id === trialId && curve.state !== state)) return;
    this.curves = this.curves.map((curve) => (curve.id === trialId ? { ...curve, state } : curve));
  }
}

/** The server takes 200 trials by number; so many in full detail are more than eyes can follow. */
const MAX_DETAILED = 50;

function fresh(event: MetricsEvent): TrialCurve {
  const { trialId: id, number } = event;
  return { id, number, label: `Trial ${number}`, state: 'RUNNING', steps: [], values: [], times: null };
}
