/** What charts of many trials are drawn from: columns in which place i is always the same trial. */

export interface NumberValues {
  readonly name: string;
  readonly kind: 'number';
  readonly isLog: boolean;
  /** NaN where the parameter is inactive. */
  readonly values: Float64Array;
}

export interface CategoryValues {
  readonly name: string;
  readonly kind: 'category';
  readonly choices: readonly string[];
  /** Places among `choices`; -1 where the parameter is inactive. */
  readonly codes: Int32Array;
}

export type ParamValues = NumberValues | CategoryValues;

export interface ObjectiveValues {
  readonly metric: string;
  readonly direction: 'minimize' | 'maximize';
  /** NaN where there is none. */
  readonly values: Float64Array;
}

export interface TrialSet {
  readonly n: number;
  /** Ascending. */
  readonly numbers: Int32Array;
  readonly states: readonly string[];
  readonly objectives: readonly ObjectiveValues[];
  readonly params: readonly ParamValues[];
  /** 1 unless the trial breaks a constraint on outcomes. */
  readonly isFeasible: Uint8Array;
}

/** Whether a trial counts as a result: it completed, keeps every constraint, and has a finite value of the objective. */
export function isResult(trials: TrialSet, objective: ObjectiveValues, place: number): boolean {
  return trials.states[place] === 'COMPLETE' && trials.isFeasible[place] === 1 && Number.isFinite(objective.values[place]);
}

/** A parameter's value as a number to place it by: the value, or the place among the choices; NaN where inactive. */
export function coordinates(param: ParamValues): Float64Array {
  if (param.kind === 'number') return param.values;
  return Float64Array.from(param.codes, (code) => (code < 0 ? NaN : code));
}

/** Place of the best result; -1 where there is none. */
export function bestPlace(trials: TrialSet, objective: ObjectiveValues): number {
  const sign = objective.direction === 'maximize' ? 1 : -1;
  let best = -1;
  for (let place = 0; place < trials.n; place += 1) {
    if (!isResult(trials, objective, place)) continue;
    if (best < 0 || sign * (objective.values[place] ?? NaN) > sign * (objective.values[best] ?? NaN)) best = place;
  }
  return best;
}
