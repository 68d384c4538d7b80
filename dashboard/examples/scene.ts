/** One named example: a chart's component and what it is given. */
import { mount, type Component } from 'svelte';
import type { Theme } from '$lib/theme.svelte';

export interface Scene {
  /** Names the figure's files. */
  readonly name: string;
  /** Put the chart on the page. */
  readonly show: (target: HTMLElement, theme: Theme) => void;
}

/** Name an example of a component with properties that depend on the theme. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Svelte itself asks of properties; `unknown` refuses interfaces
export function scene<P extends Record<string, any>>(name: string, component: Component<P, object, string>, propsIn: (theme: Theme) => P): Scene {
  return { name, show: (target, theme) => void mount(component, { target, props: propsIn(theme) }) };
}
