import { expect, test } from 'vitest';
import { viridis, viridisRgb, viridisSteps } from './viridis';

const lightness = (place: number, theme: 'light' | 'dark'): number => {
  const [red, green, blue] = viridisRgb(place, theme);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

test('it grows lighter all the way, in both themes', () => {
  for (const theme of ['light', 'dark'] as const) {
    const steps = Array.from({ length: 40 }, (_, i) => lightness(i / 39, theme));
    expect(steps.every((one, i) => i === 0 || one > (steps[i - 1] ?? 0))).toBe(true);
  }
});

test('it is matplotlib’s at both ends of its table', () => {
  expect(viridis(0, 'light')).toBe('rgb(68 1 84)');
  expect(viridis(1, 'dark')).toBe('rgb(253 231 37)');
});

test('beyond the scale lies its end', () => {
  expect(viridis(-3, 'dark')).toBe(viridis(0, 'dark'));
  expect(viridis(7, 'light')).toBe(viridis(1, 'light'));
});

test('steps run from end to end', () => {
  expect(viridisSteps(3, 'light')).toEqual([viridis(0, 'light'), viridis(0.5, 'light'), viridis(1, 'light')]);
  expect(viridisSteps(1, 'light')).toEqual([viridis(0.5, 'light')]);
});
