/** A study being written: JSON text is the truth, and the simple fields of the form are views of parts of it. Pure. */

export type Json = Readonly<Record<string, unknown>>;

export type Parsed = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

interface MetricFacts {
  readonly name: string;
  readonly direction: string;
}

interface ModelFacts {
  readonly name: string;
  readonly hyperparameters: readonly { readonly name: string; readonly default?: unknown }[];
  readonly metrics: Readonly<Record<string, readonly MetricFacts[]>>;
  readonly default_space: Readonly<Record<string, unknown>>;
  readonly tasks: readonly string[];
  readonly kinds: readonly string[];
  readonly template?: { readonly n_trials: number; readonly sampler: string } | null;
}

interface DatasetFacts {
  readonly name: string;
  readonly task: string;
  readonly kind: string;
}

/** Written out from the start though they have defaults: people change them in almost every study. */
const WRITTEN_OUT: readonly string[] = ['epochs', 'batch_size'];

/** The data set that a study names: `name`, or `name@version` for an older version. */
export const datasetNamed = <T extends { readonly name: string }>(datasets: readonly T[], ref: unknown): T | undefined =>
  datasets.find(({ name }) => name === String(ref).split('@')[0]);

/** Whether a model reads such data and learns the task. */
export const fits = (model: ModelFacts, dataset: DatasetFacts): boolean =>
  model.tasks.includes(dataset.task) && model.kinds.includes(dataset.kind);

/** A complete study to begin with: the model's own search space, and what people judge such data by. */
export function templateOf(model: ModelFacts, dataset: DatasetFacts): Json {
  return {
    name: `${dataset.name}-${model.name}`.replaceAll('_', '-'),
    dataset: dataset.name,
    ...modelPart(model),
    sampler: { name: model.template?.sampler ?? 'bayesian', seed: 7 },
    pruner: { name: 'none' },
    objectives: objectivesOf(model, dataset),
    budget: { n_trials: model.template?.n_trials ?? 20, max_parallel: 2, timeout_s: null },
    resources: { queue: 'cpu' },
  };
}

/**
 * A study to begin with, as an address asks for one: `template` names a model, `dataset` a data set and maybe its version.
 * Without either the first model's; null where no model learns the data.
 */
export function templateFor<M extends ModelFacts & { readonly template?: { readonly dataset: string } | null }>(
  models: readonly M[],
  datasets: readonly DatasetFacts[],
  query: URLSearchParams,
): Json | null {
  const wanted = query.get('dataset');
  const named = datasetNamed(datasets, wanted);
  const dataOf = (model: M): DatasetFacts | undefined =>
    named ? [named].find((one) => fits(model, one)) : (datasetNamed(datasets, model.template?.dataset) ?? datasets.find((one) => fits(model, one)));
  const asked = models.find(({ name }) => name === query.get('template'));
  const model = asked && dataOf(asked) ? asked : models.find((one) => dataOf(one));
  const dataset = model && dataOf(model);
  if (!model || !dataset) return null;
  const template = templateOf(model, dataset);
  return named && wanted ? { ...template, dataset: wanted } : template;
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

/** Exchange the data set of a draft. What is optimised follows its task; a model that cannot learn it gives way to one that can. */
export function withDataset(draft: Json, dataset: DatasetFacts, models: readonly ModelFacts[]): Json {
  const changed = { ...draft, dataset: dataset.name };
  const model = models.find(({ name }) => name === draft.model);
  if (model && fits(model, dataset)) return { ...changed, ...objectivePart(draft, model, dataset) };
  const other = models.find((one) => fits(one, dataset));
  return other ? withModel(changed, other, dataset) : changed;
}

/** Optimise another metric; which way is better comes with it. */
export function withObjective(draft: Json, metric: string, model: ModelFacts | undefined, dataset: DatasetFacts | undefined): Json {
  const direction = metricsOf(model, dataset).find(({ name }) => name === metric)?.direction ?? valueAt(draft, 'objectives.0.direction');
  return { ...draft, objectives: [{ metric, direction }] };
}

/** Metrics that a study of the model on the data set can optimise. */
export const metricsOf = (model: ModelFacts | undefined, dataset: DatasetFacts | undefined): readonly MetricFacts[] =>
  (model && dataset && model.metrics[dataset.task]) ?? [];

function modelPart(model: ModelFacts): Json {
  const fixed = model.hyperparameters.filter(({ name }) => WRITTEN_OUT.includes(name) && !(name in model.default_space));
  const values = Object.fromEntries(fixed.map((one) => [one.name, one.default]));
  return { model: model.name, fixed: values, search_space: model.default_space };
}

/** The objective stays where the data set still has it. */
function objectivePart(draft: Json, model: ModelFacts, dataset: DatasetFacts): Json {
  const metric = valueAt(draft, 'objectives.0.metric');
  if (metricsOf(model, dataset).some(({ name }) => name === metric)) return {};
  const objectives = objectivesOf(model, dataset);
  return objectives.length > 0 ? { objectives } : {};
}

/** What to optimise unless told otherwise: unseen data before training data, figures people read before the loss. */
const PREFERENCES: readonly ((name: string) => boolean)[] = [
  (name) => name.startsWith('val_') && name !== 'val_loss',
  (name) => name === 'val_loss',
  (name) => !name.startsWith('train_'),
  () => true,
];

function objectivesOf(model: ModelFacts, dataset: DatasetFacts): Json[] {
  const metrics = metricsOf(model, dataset);
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

/** Remove the value at a dotted path; nothing happens where it is not there. */
export function withoutValue(draft: Json, path: string): Json {
  const [key = '', ...rest] = path.split('.');
  const inner = draft[key];
  if (rest.length > 0) return isObject(inner) ? { ...draft, [key]: withoutValue(inner, rest.join('.')) } : draft;
  return Object.fromEntries(Object.entries(draft).filter(([name]) => name !== key));
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Whether a value is an object with named parts. */
export const isJson = (value: unknown): value is Json => isObject(value) && !Array.isArray(value);
