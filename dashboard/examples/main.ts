/** A page of all examples below each other, for those who make pictures of them; says when it is drawn. */
import '../src/app/theme.css';
import './page.css';
import { theme } from '$lib/theme.svelte';
import { OF_ALL_TRIALS } from './alltrials';
import { OF_DATA } from './ofdata';
import { OVER_TIME } from './overtime';

/** Canvases are drawn in the frame after the one in which their size is known. */
const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));

document.documentElement.dataset.theme = window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
theme.start();
for (const { name, show } of [...OVER_TIME, ...OF_ALL_TRIALS, ...OF_DATA]) {
  const figure = document.createElement('section');
  figure.id = name;
  document.body.append(figure);
  show(figure, theme.current);
}
await document.fonts.ready;
for (let i = 0; i < 4; i += 1) await frame();
document.documentElement.dataset.drawn = '';
