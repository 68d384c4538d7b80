/**
 * Colours for values: evenly perceived, growing in lightness, told apart with any kind of colour vision.
 * Source: viridis, by van der Walt and Smith for matplotlib (2015), at nine places of its table.
 */
type Rgb = readonly [number, number, number];

const ANCHORS: readonly Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];
/** The part of the scale that stands out from the ground of each theme: yellow is lost on white, violet on black. */
const PARTS = { light: [0, 0.86], dark: [0.24, 1] } as const;

/** Colour of a place on the scale, 0 to 1 (outside of it the nearest end), as red, green and blue from 0 to 255. */
export function viridisRgb(place: number, theme: 'light' | 'dark'): Rgb {
  const [from, to] = PARTS[theme];
  const at = (from + (to - from) * Math.min(1, Math.max(0, place))) * (ANCHORS.length - 1);
  const lower = Math.min(ANCHORS.length - 2, Math.floor(at));
  const [a, b] = [ANCHORS[lower], ANCHORS[lower + 1]] as [Rgb, Rgb];
  const mix = (k: 0 | 1 | 2): number => Math.round(a[k] + (b[k] - a[k]) * (at - lower));
  return [mix(0), mix(1), mix(2)];
}

/** The same as CSS writes it. */
export const viridis = (place: number, theme: 'light' | 'dark'): string => `rgb(${viridisRgb(place, theme).join(' ')})`;

/** `n` colours from the low end to the high one: buckets to draw in, or stops of a legend. */
export const viridisSteps = (n: number, theme: 'light' | 'dark'): string[] =>
  Array.from({ length: n }, (_, i) => viridis(n > 1 ? i / (n - 1) : 0.5, theme));
