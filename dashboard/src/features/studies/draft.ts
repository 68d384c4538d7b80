/** A study being written: JSON text is the truth, and the simple fields of the form are views of parts of it. Pure. */

export type Json = Readonly<Record<string, unknown>>;

export type Parsed = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

interface ModelFacts {
  readonly name: string;
  readonly hyperparameters: readonly { readonly name: string; readonly default?: unknown }[];
  readonly metrics: Readonly<Record<string, readonly { readonly name: string; readonly direction: string }[]>>;
  readonly default_space: Readonly<Record<string, unknown>>;
  readonly tasks: readonly string[];
}

interface DatasetFacts {
  readonly name: string;
  readonly task: string;
}

const FIXED = { epochs: 20, batch_size: 64 };

/** A complete study to begin with: the model's own search space, and what people judge such data by. */
export function templateOf(model: ModelFacts, dataset: DatasetFacts): Json {
  return {
    name: `${dataset.name}-${model.name}`.replaceAll('_', '-'),
    dataset: dataset.name,
    ...modelPart(model),
    sampler: { name: 'bayesian', seed: 7 },
    pruner: { name: 'none' },
    objectives: objectivesOf(model, dataset),
    budget: { n_trials: 20, max_parallel: 2, timeout_s: null },
    resources: { queue: 'cpu' },
  };
}

/** The name itself, or with the first number that makes it free. */
export function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let n = 2; taken.includes(free); n += 1) free = `${name}-${n}`;
  return free;
}

/** Exchange the network of a draft: its space, fixed parameters and objectives go with it, all else stays. */
export function withModel(draft: Json, model: ModelFacts, dataset: DatasetFacts | undefined): Json {
  const objectives = dataset ? { objectives: objectivesOf(model, dataset) } : {};
  return { ...draft, ...modelPart(model), ...objectives };
}

/** Exchange the data set of a draft; what is optimised follows its task. */
export function withDataset(draft: Json, dataset: DatasetFacts, model: ModelFacts | undefined): Json {
  const objectives = model ? objectivesOf(model, dataset) : [];
  return { ...draft, dataset: dataset.name, ...(objectives.length > 0 ? { objectives } : {}) };
}

function modelPart(model: ModelFacts): Json {
  const known = new Set(model.hyperparameters.map((hyperparameter) => hyperparameter.name));
  const fixed = Object.entries(FIXED).filter(([name]) => known.has(name) && !(name in model.default_space));
  return { model: model.name, fixed: Object.fromEntries(fixed), search_space: model.default_space };
}

/** What to optimise unless told otherwise: unseen data before training data, figures people read before the loss. */
const PREFERENCES: readonly ((name: string) => boolean)[] = [
  (name) => name.startsWith('val_') && name !== 'val_loss',
  (name) => name === 'val_loss',
  () => true,
];

function objectivesOf(model: ModelFacts, dataset: DatasetFacts): Json[] {
  const metrics = model.metrics[dataset.task] ?? [];
  const metric = PREFERENCES.map((prefer) => metrics.find(({ name }) => prefer(name))).find((found) => found);
  return metric ? [{ metric: metric.name, direction: metric.direction }] : [];
}

export const writeDraft = (draft: Json): string => JSON.stringify(draft, null, 2);

/** Read the text; a mistake is told in one line, with the place where the browser can name it. */
export function parseDraft(text: string): Parsed {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ok: true, value: value as Json };
    return { ok: false, message: 'A study is a JSON object: { "name": ..., "dataset": ..., ... }' };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/** Read the value at a dotted path; undefined where a part is missing. */
export function valueAt(draft: Json, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), draft);
}

/** Change the value at a dotted path, making objects on the way; everything else stays as it is, in its order. */
export function withValue(draft: Json, path: string, value: unknown): Json {
  const [key = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...draft, [key]: value };
  const inner = draft[key];
  return { ...draft, [key]: withValue(isObject(inner) ? inner : {}, rest.join('.'), value) };
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
