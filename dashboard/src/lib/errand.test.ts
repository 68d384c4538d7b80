import { expect, test } from 'vitest';
import { Errand } from './errand.svelte';

test('an errand is busy until its work has ended', async () => {
  const errand = new Errand();
  let end = (): void => undefined;
  const going = errand.run(() => new Promise((resolve) => (end = resolve)));
  expect(errand.isBusy).toBe(true);
  end();
  await going;
  expect([errand.isBusy, errand.problem]).toEqual([false, null]);
});

test('an errand that fails keeps its problem until it is tried again', async () => {
  const errand = new Errand();
  await errand.run(() => Promise.reject(new Error('the disk is full')));
  expect([errand.isBusy, errand.problem?.message]).toEqual([false, 'the disk is full']);
  await errand.run(() => Promise.resolve());
  expect(errand.problem).toBeNull();
});
