/** Examples of charts about predictions and data. */
import Balance from '$charts/Balance.svelte';
import Confusion from '$charts/Confusion.svelte';
import Histogram from '$charts/Histogram.svelte';
import { scene, type Scene } from './scene';

export const OF_DATA: readonly Scene[] = [
  scene('confusion', Confusion, () => ({
    label: 'Confusion matrix',
    counts: [
      [34, 0, 0, 1, 0, 0],
      [0, 31, 2, 0, 3, 0],
      [0, 1, 33, 1, 0, 0],
      [0, 0, 5, 30, 0, 2],
      [0, 0, 0, 0, 36, 0],
      [1, 0, 0, 0, 0, 35],
    ],
  })),
  scene('balance', Balance, () => ({
    most: 5,
    classes: [
      { name: 'cat', train: 420, val: 92, test: 88 },
      { name: 'dog', train: 388, val: 80, test: 81 },
      { name: 'horse', train: 240, val: 55, test: 49 },
      { name: 'owl', train: 61, val: 9, test: 21 },
    ],
  })),
  scene('histogram', Histogram, () => ({
    name: 'age',
    counted: { edges: [18, 24, 30, 36, 42, 48, 54, 60, 66, 72, 78, 84], counts: [12, 55, 130, 214, 251, 190, 122, 71, 30, 0, 2] },
    width: 360,
    height: 90,
  })),
];
