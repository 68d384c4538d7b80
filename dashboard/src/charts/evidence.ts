/** Where a diagnosis points to on the curves: the epochs that its evidence names. Pure. */
import type { Mark } from './picture';

/** A finding as far as a chart reads it. */
export interface Seen {
  readonly kind: string;
  readonly title: string;
  readonly evidence: { readonly numbers?: Readonly<Record<string, number>> | undefined };
}

/** The numbers that are epochs, and what to write beside the line there. */
const EPOCHS: Readonly<Record<string, string>> = { epoch: '', best_epoch: ' from here', since_epoch: ' from here' };

/** Which curves a kind of finding is about; those it does not name carry no mark of it. */
const CURVES: Readonly<Record<string, readonly string[]>> = {
  diverged: ['train_loss', 'val_loss', 'grad_norm'],
  exploding_gradients: ['grad_norm', 'grad_ratio'],
  vanishing_gradients: ['grad_norm', 'grad_ratio'],
  dead_relus: ['dead_units'],
  overfitting: ['train_loss', 'val_loss'],
  underfitting: ['train_loss', 'val_loss'],
  plateau: ['train_loss', 'val_loss'],
  noisy_validation: ['val_loss'],
  still_improving: ['val_loss', 'frechet_distance'],
  good_fit: ['train_loss', 'val_loss'],
  gan_collapse: ['diversity', 'frechet_distance'],
};

/** The levels among the numbers of a finding: their names are those of metrics, or say which metric they are of. */
const LEVELS: Readonly<Record<string, string>> = {
  best_val_loss: 'val_loss',
  acceptable_loss: 'train_loss',
  reference_loss: 'train_loss',
  train_loss: 'train_loss',
  val_loss: 'val_loss',
  grad_norm: 'grad_norm',
  grad_ratio: 'grad_ratio',
  dead_units: 'dead_units',
  diversity: 'diversity',
  lowest: 'val_loss',
  highest: 'val_loss',
};

/** The marks of all findings on the chart of one metric: an epoch is a line across it, a level one along it. */
export function marksOf(findings: readonly Seen[], metric: string): Mark[] {
  return findings
    .filter(({ kind }) => CURVES[kind]?.includes(metric) ?? true)
    .flatMap(({ title, evidence }) =>
      Object.entries(evidence.numbers ?? {}).flatMap(([name, value]): Mark[] => {
        if (name in EPOCHS) return [{ at: value, axis: 'x', label: title + (EPOCHS[name] ?? '') }];
        return LEVELS[name] === metric ? [{ at: value, axis: 'y', label: `${title}: ${name.replaceAll('_', ' ')}` }] : [];
      }),
    );
}
