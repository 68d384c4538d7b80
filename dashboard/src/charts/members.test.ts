import { expect, it } from 'vitest';
import type { Curve } from './curves';
import { byMetric, drawMembers, OWN_LINE } from './members';
import { chartColours, colourOf } from './palette';

const colours = chartColours('light');
const curve = (label: string, ...values: number[]): Curve => ({ id: 7, label, state: 'COMPLETE', steps: values.map((_, i) => i + 1), values });
const series = [curve('val_loss', 2, 1), curve('lr', 1), curve('val_loss@r1f1', 3, 1), curve('val_loss@r2f2', 1, 1)];

it('gathers a metric with its members', () => {
  const groups = byMetric(series);
  expect([...groups.keys()]).toEqual(['val_loss', 'lr']);
  expect(groups.get('val_loss')?.map(({ label }) => label)).toEqual(['val_loss', 'val_loss@r1f1', 'val_loss@r2f2']);
});

it('draws the trial above its members, each with its own values and name', () => {
  const { lines, summary } = drawMembers(byMetric(series).get('val_loss') ?? [], 'val_loss', colours);
  expect(lines.map(({ label, values }) => [label, values])).toEqual([
    ['Repeat 1, fold 1', [3, 1]],
    ['Repeat 2, fold 2', [1, 1]],
    ['Trial', [2, 1]],
  ]);
  expect(lines.at(-1)?.key).toBe(OWN_LINE);
  expect(lines.map(({ colour }) => colour)).toEqual([colours.lines[0], colours.lines[1], colours.best]);
  expect(lines[0]?.dash).toBeUndefined();
  expect(lines[1]?.dash).toEqual([6, 3]);
  expect(new Set(lines.map(({ key }) => key)).size).toBe(3);
  expect(summary).toBe('val_loss of this trial with 2 members up to step 2.');
});

it('draws a lone trial in colour, and says where there is nothing', () => {
  const { lines, summary } = drawMembers([curve('lr', 1, NaN)], 'lr', colours);
  expect(lines).toMatchObject([{ colour: colourOf(0, colours), values: [1, null] }]);
  expect(summary).toBe('lr of this trial up to step 2.');
  expect(drawMembers([], 'lr', colours).summary).toBe('No points of lr yet.');
});

it('shows the values beneath their smoothed line', () => {
  const { lines } = drawMembers([curve('lr', 0, 1, NaN, 1)], 'lr', colours, { smoothing: 0.5, isLog: false, marks: [] });
  expect(lines.map(({ label, values }) => [label, values])).toEqual([
    ['Trial, as reported', [0, 1, null, 1]],
    ['Trial', [0, 2 / 3, null, 6 / 7]],
  ]);
  expect(lines[0]?.colour).toMatch(/^rgba/);
  expect(new Set(lines.map(({ key }) => key)).size).toBe(2);
});

it('leaves out what a logarithmic axis has no place for, and takes none where nothing is positive', () => {
  const marks = [{ at: 0, axis: 'y', label: 'nothing' }, { at: 2, axis: 'x', label: 'Overfitting from here' }] as const;
  const view = { smoothing: 0, isLog: true, marks };
  const picture = drawMembers([curve('lr', 0, 1, -1, 2)], 'lr', colours, view);
  expect(picture.isLog).toBe(true);
  expect(picture.lines[0]?.values).toEqual([null, 1, null, 2]);
  expect(picture.marks).toEqual([marks[1]]);
  expect(picture.summary).toBe('lr of this trial up to step 4. Marked: Overfitting from here (epoch 2).');
  expect(drawMembers([curve('lr', 0, -1)], 'lr', colours, view).isLog).toBe(false);
});
