/** Dots on a layer of their own above a line chart: a choice among many points is drawn without drawing the points anew. */
import type { Line, Y } from './picture';
import { makeStamp, press } from './canvas/stamps';

export interface Spots {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** From data to px of the layer. */
export interface Places {
  readonly toLeft: (x: number) => number;
  readonly toTop: (y: number) => number;
  readonly width: number;
  readonly height: number;
}

const RADIUS = 3.5;

/** The pixels in which spots lie, each once: of fifty thousand most share one. Those outside the chart are left out. */
export function pixelsOf({ xs, ys }: Spots, { toLeft, toTop, width, height }: Places): [left: number, top: number][] {
  const seen = new Set<number>();
  const found: [number, number][] = [];
  for (let i = 0; i < xs.length; i += 1) {
    const [left, top] = [Math.round(toLeft(xs[i] ?? NaN)), Math.round(toTop(ys[i] ?? NaN))];
    if (!(left >= 0 && left <= width && top >= 0 && top <= height)) continue;
    const key = top * (Math.ceil(width) + 1) + left;
    if (seen.has(key)) continue;
    seen.add(key);
    found.push([left, top]);
  }
  return found;
}

/** Draw spots. Effects: replaces what is on the context, whose canvas has `ratio` pixels to one of the page. */
export function drawSpots(context: CanvasRenderingContext2D, spots: Spots, places: Places, look: { readonly colour: string; readonly ratio: number }): void {
  const { width, height } = context.canvas;
  if (width === 0 || height === 0) return;
  const pixels = context.createImageData(width, height);
  const stamp = makeStamp({ shape: 'dot', rgb: rgbOf(look.colour), radius: RADIUS, alpha: 1 }, look.ratio);
  for (const [left, top] of pixelsOf(spots, places)) press(pixels, stamp, left * look.ratio, top * look.ratio);
  context.putImageData(pixels, 0, 0);
}

/**
 * Draw a stepped line of few steps above the spots, which would hide it where most trials are chosen. `xs` ascend; the line keeps
 * its height until it changes, and begins at its first number.
 */
export function strokeSteps(context: CanvasRenderingContext2D, line: Pick<Line, 'values' | 'colour' | 'width'>, xs: readonly number[], { toLeft, toTop }: Places): void {
  context.strokeStyle = line.colour;
  context.lineWidth = line.width;
  context.beginPath();
  let height: Y = null;
  xs.forEach((x, i) => {
    const y = line.values[i];
    if (typeof y !== 'number' || y === height) return;
    if (typeof height === 'number') context.lineTo(toLeft(x), toTop(height));
    else context.moveTo(toLeft(x), toTop(y));
    context.lineTo(toLeft(x), toTop(y));
    height = y;
  });
  if (typeof height === 'number') context.lineTo(toLeft(xs.at(-1) ?? 0), toTop(height));
  context.stroke();
}

/** The parts of a colour such as `#0072b2`. */
export function rgbOf(colour: string): [red: number, green: number, blue: number] {
  const part = (from: number): number => Number.parseInt(colour.slice(from, from + 2), 16);
  return [part(1), part(3), part(5)];
}
