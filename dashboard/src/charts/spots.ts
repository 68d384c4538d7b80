/** Dots on a layer of their own above a line chart: a choice among many points is drawn without drawing the points anew. */

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

/** Draw spots. Effects: paints on the context, whose units are px of the layer. */
export function drawSpots(context: CanvasRenderingContext2D, spots: Spots, places: Places, colour: string): void {
  const dot = dotOf(colour, context.getTransform().a);
  const half = Math.ceil(RADIUS) + 1;
  for (const [left, top] of pixelsOf(spots, places)) context.drawImage(dot, left - half, top - half, 2 * half, 2 * half);
}

/** One dot as a small picture: thousands of them are copied faster than traced. */
function dotOf(colour: string, ratio: number): HTMLCanvasElement {
  const half = Math.ceil(RADIUS) + 1;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = Math.round(2 * half * ratio);
  const context = canvas.getContext('2d');
  if (!context) return canvas;
  context.scale(ratio, ratio);
  context.fillStyle = colour;
  context.arc(half, half, RADIUS, 0, 2 * Math.PI);
  context.fill();
  return canvas;
}
