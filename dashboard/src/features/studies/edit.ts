/** Changes of a study that runs: what differs between its settings and a draft of them, as the server takes it. Pure. */
import type { StudyUpdate } from '$api/types';
import { isJson, type Json } from './draft';

/** The part of a study's settings that can be changed while it runs. */
export interface Settings {
  readonly search_space: Json;
  readonly constraints: readonly string[];
  readonly budget: Json;
}

interface Spec {
  readonly search_space?: unknown;
  readonly constraints?: readonly string[];
  readonly budget?: unknown;
}

export type Changes = Pick<StudyUpdate, 'search_space' | 'constraints' | 'budget'>;

export const settingsOf = ({ search_space, constraints, budget }: Spec): Settings => ({
  search_space: isJson(search_space) ? search_space : {},
  constraints: constraints ?? [],
  budget: isJson(budget) ? budget : {},
});

/** Say what makes a draft of one setting; empty where they are alike. A parameter is given whole, null takes it or a limit away. */
export function changesOf(settings: Settings, draft: Settings): Changes {
  const space = differing(settings.search_space, draft.search_space);
  const limits = differing(settings.budget, draft.budget);
  return {
    ...(isEmpty(space) ? {} : { search_space: space }),
    ...(areAlike(settings.constraints, draft.constraints) ? {} : { constraints: [...draft.constraints] }),
    ...(isEmpty(limits) ? {} : { budget: limits as NonNullable<Changes['budget']> }),
  };
}

/** Make changes to settings, as the server would: a parameter without `type` changes the fields it names. */
export function withChanges(settings: Settings, { search_space, constraints, budget }: Changes): Settings {
  const space = isJson(search_space) ? search_space : {};
  const shapes = Object.entries(space).map(([name, shape]) => [name, merged(settings.search_space[name], shape)] as const);
  const all = Object.entries({ ...settings.search_space, ...Object.fromEntries(shapes) });
  return {
    search_space: Object.fromEntries(all.filter(([, shape]) => shape !== null)),
    constraints: constraints ?? settings.constraints,
    budget: { ...settings.budget, ...budget },
  };
}

const merged = (before: unknown, shape: unknown): unknown =>
  isJson(shape) && !('type' in shape) && isJson(before) ? { ...before, ...shape } : shape;

/** Name what an edit changed: parameters and limits one by one. */
export function changedNames(before: Json, after: Json): readonly string[] {
  return Object.entries(after).flatMap(([part, value]) => {
    const old = before[part];
    return isJson(value) && isJson(old) ? Object.keys(differing(old, value)) : [part];
  });
}

function differing(before: Json, after: Json): Json {
  const names = Object.keys({ ...before, ...after });
  return Object.fromEntries(names.filter((name) => !areAlike(before[name], after[name])).map((name) => [name, after[name] ?? null]));
}

/** Whether two values are the same JSON; nothing is the same as null. */
const areAlike = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
