/** What the name of a metric says: whose it is, and whether it judges the network or only describes its training. Pure. */

/** What the engine measures of every network while it trains: there to be looked at, not to be optimised. */
export const SIGNAL_NAMES: readonly string[] = ['learning_rate', 'grad_norm', 'grad_ratio', 'weight_norm', 'dead_units'];

export const isSignal = (name: string): boolean => SIGNAL_NAMES.includes(name);

export interface MetricGroups {
  /** How good the network is: the objective first, then loss and accuracy, validation before training. */
  readonly own: readonly string[];
  /** How its training goes. */
  readonly signals: readonly string[];
}

/** What readers look for first; whatever follows keeps its order. */
const FIRST = ['val_loss', 'val_accuracy', 'train_loss', 'train_accuracy'];

/** Part names of metrics into groups, each name once. */
export function groupMetrics(names: readonly string[], objective: string): MetricGroups {
  const order = [objective, ...FIRST];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const known = [...new Set(names)].filter((name) => name !== '');
  const own = known.filter((name) => !isSignal(name)).sort((a, b) => rank(a) - rank(b));
  return { own, signals: known.filter(isSignal) };
}

export interface Member {
  readonly metric: string;
  /** From 1. */
  readonly repeat: number;
  readonly fold: number;
}

/** Read a member's curve, such as `val_loss@r2f3`; null for a trial's own. */
export function readMember(name: string): Member | null {
  const found = /^(.+)@r(\d+)f(\d+)$/.exec(name);
  return found ? { metric: found[1] ?? '', repeat: Number(found[2]), fold: Number(found[3]) } : null;
}

/** What begins the names of curves that describe the machine, over time. */
export const SYSTEM = 'system/';

/** Whether a curve is of a trial as a whole and of its training, not of a repeat, a fold or the machine. */
export const isOwnMetric = (name: string): boolean => !name.startsWith(SYSTEM) && readMember(name) === null;

/** A finding's kind as words: `dead_relus` becomes `dead relus`. */
export const wordsOf = (name: string): string => name.replaceAll('_', ' ');
