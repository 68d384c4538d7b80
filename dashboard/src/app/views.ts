/** Which component shows which route. Views are loaded when first opened, so the list does not wait for the charts. */
import type { Component } from 'svelte';
import type { Route } from '$lib/route';

type Props = Record<string, unknown>;

interface LoadedView {
  readonly default: Component<Props>;
  readonly props: Props;
}

/** Load the component of a route; null for an unknown one. Raises (in the promise): when the file cannot be fetched. */
export function loadView(route: Route): Promise<LoadedView> | null {
  switch (route.view) {
    case 'studies':
      return open(import('$features/studies/StudiesPage.svelte'), {});
    case 'new-study':
      return open(import('$features/studies/NewStudyPage.svelte'), {});
    case 'study':
      return open(import('$features/study/StudyPage.svelte'), { name: route.study });
    case 'trial':
      return open(import('$features/trial/TrialPage.svelte'), { study: route.study, number: route.number });
    case 'compare':
      return open(import('$features/compare/ComparePage.svelte'), {});
    case 'workers':
      return open(import('$features/workers/WorkersPage.svelte'), {});
    case 'datasets':
      return open(import('$features/datasets/DatasetsPage.svelte'), {});
    case 'unknown':
      return null;
  }
}

/** What a view is about: another study or trial gets a page of its own, another sort order does not. */
export const keyOf = (route: Route): string => JSON.stringify(route);

async function open<P extends Props>(module: Promise<{ default: Component<P> }>, props: P): Promise<LoadedView> {
  return { default: (await module).default as unknown as Component<Props>, props };
}
