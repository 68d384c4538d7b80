import { expect, it } from 'vitest';
import { readCurveView, writeLog } from './curveview';

const read = (text: string) => readCurveView(new URLSearchParams(text), 'val_loss');

it('shows the objective over steps unless the address says otherwise', () => {
  expect(read('')).toEqual({ metric: 'val_loss', x: 'step', smoothing: 0, isLogX: false, isLogY: false });
});

it('reads what it says', () => {
  expect(read('metric=grad_norm&x=time&smooth=0.6&log=y')).toEqual({ metric: 'grad_norm', x: 'time', smoothing: 0.6, isLogX: false, isLogY: true });
});

it.each(['-1', '1', 'NaN', 'much'])('does not smooth by %s', (text) => expect(read(`smooth=${text}`).smoothing).toBe(0));

it.each([[true, true], [true, false], [false, true], [false, false]])('reads the logarithmic axes that it writes (%s, %s)', (x, y) => {
  expect(read(`log=${writeLog(x, y)}`)).toMatchObject({ isLogX: x, isLogY: y });
});
