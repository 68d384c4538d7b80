/**
 * Lines by the ten thousand as sums of ink a pixel: a canvas without a GPU takes seconds for them, sums some tenths of one. Ink is
 * whole numbers, so that a line that is taken away again leaves nothing behind, and the order of lines does not matter.
 * Pure: the pixels are an array, so tests need no browser.
 */

export interface Ink {
  readonly width: number;
  readonly height: number;
  /**
   * Two numbers a pixel, by column: weight and red, green and blue, each pair packed into one number, since writing to memory is
   * what takes the time. Around the paper lie `MARGIN` pixels that nobody sees.
   */
  readonly sums: Float64Array;
  /** How lines run that go further across than down, and others. */
  readonly flat: Way;
  readonly steep: Way;
}

/** Along a line and across it: so many pixels there are, and so far apart they lie in `sums`. */
interface Way {
  readonly sums: Float64Array;
  readonly along: number;
  readonly nAlong: number;
  readonly across: number;
  readonly nAcross: number;
}

export interface Pen {
  /** A whole number, `FULL` for a line of 1 px at full strength. */
  readonly weight: number;
  /** What one unit of weight adds: itself with red, and green with blue. Below 0 where a line is taken away. */
  readonly first: number;
  readonly second: number;
}

export const FULL = 8;
/** So many lines of full strength may cross in one pixel before their sums run into each other. */
export const MAX_LINES = 120_000;
const SHADES = 63;
const PACK = 2 ** 26;
const MARGIN = 2;

/** Clean paper; sizes in whole pixels. */
export function makeInk(width: number, height: number): Ink {
  const column = 2 * (height + 2 * MARGIN);
  const sums = new Float64Array(column * (width + 2 * MARGIN));
  const flat = { sums, along: column, nAlong: width, across: 2, nAcross: height };
  const steep = { sums, along: 2, nAlong: height, across: column, nAcross: width };
  return { width, height, sums, flat, steep };
}

/** A pen of a colour such as `#0072b2`, `rgb(0 114 178)` or `rgba(0, 114, 178, 0.5)`, whose opacity becomes weight. */
export function penOf(colour: string, strength = 1): Pen {
  const hex = /^#(..)(..)(..)$/.exec(colour);
  const parts = hex ? hex.slice(1).map((part) => Number.parseInt(part, 16)) : (colour.match(/[\d.]+/g) ?? []).map(Number);
  const [red, green, blue] = [0, 1, 2].map((i) => Math.round(((parts[i] ?? 0) / 255) * SHADES)) as [number, number, number];
  return { weight: Math.max(1, Math.round(FULL * strength * (parts[3] ?? 1))), first: PACK + red, second: green * PACK + blue };
}

/** The same pen, taking away. */
export const eraserOf = ({ weight, first, second }: Pen): Pen => ({ weight, first: -first, second: -second });

/**
 * Lay a straight line between two places in px. Its last end is left to the line that goes on there. Effects: changes `ink`.
 * Source: Wu, "An efficient antialiasing technique", 1991: a pixel's worth of ink a column (a row, if steep), shared by two.
 */
export function layLine({ flat, steep }: Ink, pen: Pen, x0: number, y0: number, x1: number, y1: number): void {
  if (Math.abs(y1 - y0) > Math.abs(x1 - x0)) {
    if (y0 < y1) layAlong(steep, pen, y0, x0, y1, x1);
    else layAlong(steep, pen, y1, x1, y0, x0);
  } else if (x0 < x1) layAlong(flat, pen, x0, y0, x1, y1);
  else layAlong(flat, pen, x1, y1, x0, y0);
}

/** `a` runs along the line, a pixel a step, and grows; `b` is where the line lies across, in parts of 2^16 of a pixel. */
function layAlong({ sums, along, nAlong, across, nAcross }: Way, pen: Pen, a0: number, b0: number, a1: number, b1: number): void {
  if (!(a1 > a0)) return;
  const slope = (b1 - b0) / (a1 - a0);
  const middle = b0 - 0.5 - (a0 - 0.5) * slope; // where the line lies at the middle of pixel 0
  const [enters, leaves] = within(middle, slope, nAcross);
  const start = Math.max(0, Math.round(a0), Math.ceil(enters));
  const end = Math.min(nAlong, Math.round(a1), Math.floor(leaves) + 1);
  const { weight, first, second } = pen;
  const step = Math.round(slope * 65536);
  let b = Math.round((middle + start * slope + MARGIN) * 65536);
  for (let at = (start + MARGIN) * along, a = start; a < end; a += 1, at += along, b += step) {
    const pixel = at + (b >> 16) * across;
    const beyond = ((b & 65535) * weight + 32768) >> 16;
    const here = weight - beyond;
    sums[pixel] = (sums[pixel] ?? 0) + here * first;
    sums[pixel + 1] = (sums[pixel + 1] ?? 0) + here * second;
    sums[pixel + across] = (sums[pixel + across] ?? 0) + beyond * first;
    sums[pixel + across + 1] = (sums[pixel + across + 1] ?? 0) + beyond * second;
  }
}

/** Between which `a` a line lies on the paper, or half covers its edge. */
function within(middle: number, slope: number, nAcross: number): readonly [enters: number, leaves: number] {
  const [low, high] = [-1 - middle, nAcross - middle];
  if (slope === 0) return low <= 0 && high >= 0 ? [-Infinity, Infinity] : [Infinity, -Infinity];
  return slope > 0 ? [low / slope, high / slope] : [high / slope, low / slope];
}

/** Where a pixel stands in `sums`. */
const placeIn = ({ flat }: Ink, x: number, y: number): number => (x + MARGIN) * flat.along + (y + MARGIN) * flat.across;

/** How much ink lies on a pixel. */
export const weightAt = (ink: Ink, x: number, y: number): number => Math.floor((ink.sums[placeIn(ink, x, y)] ?? 0) / PACK);

const N_KNOWN = 4096;

/** How much a pixel of so much weight hides what lies below, 0 to 255, if one line at full strength hides `alpha` of it. */
function opacities(alpha: number): Uint8ClampedArray {
  const clear = Math.log(1 - Math.min(alpha, 0.999)) / FULL;
  return Uint8ClampedArray.from({ length: N_KNOWN }, (_, weight) => 255 * (1 - Math.exp(weight * clear)));
}

/** Make pixels of ink: lines are seen through each other. Effects: fills `data`, red, green, blue and opacity of each pixel. */
export function develop(ink: Ink, alpha: number, data: Uint8ClampedArray): void {
  const opacity = opacities(alpha);
  const { width, height, sums } = ink;
  for (let x = 0; x < width; x += 1) {
    for (let y = 0, from = placeIn(ink, x, 0); y < height; y += 1, from += 2) {
      const at = 4 * (y * width + x);
      const [first, second] = [sums[from] ?? 0, sums[from + 1] ?? 0];
      const weight = Math.floor(first / PACK);
      data[at + 3] = opacity[Math.min(weight, N_KNOWN - 1)] ?? 255;
      if (weight === 0) continue;
      const scale = 255 / (SHADES * weight);
      const green = Math.floor(second / PACK);
      data[at] = (first - weight * PACK) * scale;
      data[at + 1] = green * scale;
      data[at + 2] = (second - green * PACK) * scale;
    }
  }
}
