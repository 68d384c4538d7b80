/** An example of a filter that fits a study's own metric and parameters. Pure. */
import type { Study } from '$api/types';

type Facts = Pick<Study, 'spec' | 'best_trial'>;

/** Say how trials are filtered, by what the best one has: `state:complete val_loss<0.12 activation=relu`. */
export function exampleTerms(study: Facts): string {
  return `state:complete ${valueTerm(study)} ${paramTerm(study.best_trial?.params ?? {})}`;
}

function valueTerm({ spec, best_trial: best }: Facts): string {
  const objective = spec.objectives[0];
  if (objective === undefined) return 'value>0.9';
  const reached = best?.values[objective.metric] ?? 0.9;
  return `${objective.metric}${objective.direction === 'minimize' ? '<' : '>'}${Number(reached.toPrecision(2))}`;
}

function paramTerm(params: Readonly<Record<string, unknown>>): string {
  const first = Object.entries(params)[0];
  if (first === undefined) return 'note~text';
  const [name, value] = first;
  return `${name}=${typeof value === 'number' ? Number(value.toPrecision(4)) : String(value)}`;
}
