/**
 * Marks as stamps blended into pixels: 50,000 take some milliseconds, where paths on a canvas take a tenth of a second.
 * Pure: the pixels are an array, so tests need no browser.
 */
import type { Look, Shape } from './picture';

export interface Stamp {
  readonly size: number;
  /** Opacity of each pixel by row, from 0 to 1. */
  readonly cover: Float32Array;
  /** Places in `cover` that are not clear. */
  readonly inked: Uint16Array;
  readonly rgb: readonly [number, number, number];
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, opacity of each pixel by row: those of `ImageData`. */
  readonly data: Uint8ClampedArray;
}

const STROKE = 0.75; // half the width of rings and crosses, px

/** How far a point lies outside of a shape of radius 1 scaled to `radius`; below 0 inside. */
const OUTSIDE: Readonly<Record<Shape, (x: number, y: number, radius: number) => number>> = {
  dot: (x, y, radius) => Math.hypot(x, y) - radius,
  ring: (x, y, radius) => Math.abs(Math.hypot(x, y) - radius + STROKE) - STROKE,
  square: (x, y, radius) => Math.max(Math.abs(x), Math.abs(y)) - radius * 0.9,
  diamond: (x, y, radius) => (Math.abs(x) + Math.abs(y) - radius * 1.25) * Math.SQRT1_2,
  plus: (x, y, radius) => Math.max(Math.min(Math.abs(x), Math.abs(y)) - STROKE * 1.3, Math.max(Math.abs(x), Math.abs(y)) - radius),
  cross: (x, y, radius) => {
    const [along, across] = [(x + y) * Math.SQRT1_2, (x - y) * Math.SQRT1_2];
    return Math.max(Math.min(Math.abs(along), Math.abs(across)) - STROKE, Math.max(Math.abs(along), Math.abs(across)) - radius * 1.2);
  },
};

/** Make the stamp of a look; `ratio` is how many pixels of the screen make one of the page. */
export function makeStamp({ shape, rgb, radius, alpha }: Look, ratio: number): Stamp {
  const reach = Math.ceil(radius * 1.3 * ratio) + 1;
  const size = 2 * reach + 1;
  const cover = new Float32Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const outside = OUTSIDE[shape]((column - reach) / ratio, (row - reach) / ratio, radius) * ratio;
      cover[row * size + column] = alpha * Math.min(Math.max(0.5 - outside, 0), 1);
    }
  }
  return { size, cover, inked: Uint16Array.from([...cover.keys()].filter((at) => (cover[at] ?? 0) > 0)), rgb };
}

/** Blend a stamp over the pixels with its middle at a place; what lies outside is cut off. Effects: changes `pixels`. */
export function press({ width, height, data }: Pixels, { size, cover, inked, rgb }: Stamp, left: number, top: number): void {
  const [x0, y0] = [Math.round(left) - (size >> 1), Math.round(top) - (size >> 1)];
  for (const place of inked) {
    const [x, y] = [x0 + (place % size), y0 + Math.floor(place / size)];
    if (x >= 0 && x < width && y >= 0 && y < height) blend(data, 4 * (y * width + x), rgb, cover[place] ?? 0);
  }
}

/** Source over destination, both with straight opacity. Source: Porter and Duff, "Compositing digital images", 1984. */
function blend(data: Uint8ClampedArray, at: number, rgb: readonly [number, number, number], alpha: number): void {
  const below = ((data[at + 3] ?? 0) / 255) * (1 - alpha);
  const whole = alpha + below;
  data[at] = (rgb[0] * alpha + (data[at] ?? 0) * below) / whole;
  data[at + 1] = (rgb[1] * alpha + (data[at + 1] ?? 0) * below) / whole;
  data[at + 2] = (rgb[2] * alpha + (data[at + 2] ?? 0) * below) / whole;
  data[at + 3] = 255 * whole;
}
