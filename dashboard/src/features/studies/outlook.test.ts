import { expect, it } from 'vitest';
import { outlookOf } from './outlook';

const good = { problems: [], n_grid_cells: null, n_trials: 20, n_networks: 1, estimate: { duration_s: 240 } };

it('says how many trials and how long', () => {
  expect(outlookOf(good)).toMatch(/^20 trials, about 4 ?min.*\.$/);
  expect(outlookOf({ ...good, n_trials: 1, n_networks: 5, estimate: null })).toBe(
    '1 trial of 5 networks each; no similar trial has finished, so the time is not known.',
  );
});

it('says the size of a grid, and that a study has no end', () => {
  expect(outlookOf({ ...good, n_grid_cells: 12, n_trials: 12 })).toContain('A grid of 12. 12 trials');
  expect(outlookOf({ ...good, n_trials: null, estimate: null })).toBe('Trials until it is stopped.');
});

it('counts what is wrong', () => {
  expect([outlookOf({ ...good, problems: [1] }), outlookOf({ ...good, problems: [1, 2] })]).toEqual(['One thing is wrong.', '2 things are wrong.']);
});
