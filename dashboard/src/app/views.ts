/** Which component shows which route. Views are loaded when first opened, so the list does not wait for the charts. */
import type { Component } from 'svelte';
import type { Route } from '$lib/route';

type Props = Record<string, unknown>;

interface LoadedView {
  readonly default: Component<Props>;
  readonly props: Props;
}

/** Views that are the same page whatever the address. */
const PAGES = {
  studies: () => import('$features/studies/StudiesPage.svelte'),
  'new-study': () => import('$features/studies/NewStudyPage.svelte'),
  compare: () => import('$features/compare/ComparePage.svelte'),
  workers: () => import('$features/workers/WorkersPage.svelte'),
  upload: () => import('$features/datasets/UploadPage.svelte'),
  datasets: () => import('$features/datasets/DatasetsPage.svelte'),
};

/** Load the component of a route; null for an unknown one. Raises (in the promise): when the file cannot be fetched. */
export function loadView(route: Route): Promise<LoadedView> | null {
  switch (route.view) {
    case 'edit-study':
      return open(import('$features/studies/EditStudyPage.svelte'), { name: route.study });
    case 'study':
      return open(import('$features/study/StudyPage.svelte'), { name: route.study });
    case 'trial':
      return open(import('$features/trial/TrialPage.svelte'), { study: route.study, number: route.number });
    case 'dataset':
      return open(import('$features/datasets/DatasetPage.svelte'), { name: route.dataset });
    case 'unknown':
      return null;
    default:
      return open(PAGES[route.view](), {});
  }
}

/** What a view is about: another study or trial gets a page of its own, another sort order does not. */
export const keyOf = (route: Route): string => JSON.stringify(route);

async function open<P extends Props>(module: Promise<{ default: Component<P> }>, props: P): Promise<LoadedView> {
  return { default: (await module).default as unknown as Component<Props>, props };
}
