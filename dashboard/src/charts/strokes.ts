/**
 * Draws many polylines without holding up the page: a slice a frame, in an order in which any part looks like the whole.
 *
 * Canvases without a GPU rasterise after the script has run, so the time of the script says nothing: a slice grows while
 * frames come quickly and shrinks when they don't.
 */

export interface Strokes {
  readonly xs: readonly number[];
  /** Height of each line at each x. */
  readonly heights: readonly Float32Array[];
  /** Which lines are drawn; null: all. */
  readonly mask: Uint8Array | null;
  /** Place of each line's colour. */
  readonly buckets: Uint8Array;
  readonly colours: readonly string[];
  /** Places of the colours that are drawn dashed. */
  readonly dashed: ReadonlySet<number>;
  /** Opacity of lines, 0 to 1. */
  readonly alpha: number;
}

const DASH = [5, 4];
const FIRST_SLICE = 1500;
const MIN_SLICE = 150;
const GOOD_FRAME_MS = 20;
const BAD_FRAME_MS = 30;

/** Numbers below `n` in an order that is spread evenly however early one stops. */
export function spreadOrder(n: number): Uint32Array {
  let step = Math.max(1, Math.round(n * 0.6180339887));
  while (gcd(step, n) !== 1) step += 1;
  const order = new Uint32Array(n);
  for (let i = 0, at = 0; i < n; i += 1, at = (at + step) % n) order[i] = at;
  return order;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** How many lines the next frame draws. `nPoints` a line bounds what one costs. */
export function nextSlice(slice: number, frameMs: number): number {
  if (frameMs > BAD_FRAME_MS) return Math.max(MIN_SLICE, Math.floor(slice / 2));
  return frameMs < GOOD_FRAME_MS ? Math.min(20_000, Math.ceil(slice * 1.3)) : slice;
}

/** Lines seen through each other: the more there are the fainter each, down to where one is still seen. */
export const alphaFor = (n: number): number => Math.min(0.9, Math.max(0.12, 12 / Math.sqrt(Math.max(1, n))));

/** Draw lines `order[from]` and on until `most` are drawn, and return where to go on. */
export function strokeSlice(context: CanvasRenderingContext2D, strokes: Strokes, order: Uint32Array, from: number, most: number): number {
  const { mask, buckets, colours } = strokes;
  const groups: number[][] = colours.map(() => []);
  let at = from;
  for (let drawn = 0; at < order.length && drawn < most; at += 1) {
    const line = order[at] ?? 0;
    if (mask !== null && mask[line] === 0) continue;
    groups[buckets[line] ?? 0]?.push(line);
    drawn += 1;
  }
  context.globalAlpha = strokes.alpha;
  context.lineWidth = 1;
  groups.forEach((lines, bucket) => {
    if (lines.length === 0) return;
    context.setLineDash(strokes.dashed.has(bucket) ? DASH : []);
    strokeGroup(context, strokes, lines, colours[bucket] ?? '#888');
  });
  return at;
}

function strokeGroup(context: CanvasRenderingContext2D, { xs, heights }: Strokes, lines: readonly number[], colour: string): void {
  context.strokeStyle = colour;
  context.beginPath();
  for (const line of lines) {
    context.moveTo(xs[0] ?? 0, heights[0]?.[line] ?? 0);
    for (let k = 1; k < xs.length; k += 1) context.lineTo(xs[k] ?? 0, heights[k]?.[line] ?? 0);
  }
  context.stroke();
}

/** One canvas whose lines are drawn slice by slice. What is drawn anew stays on screen until its successor shows enough. */
export class SlicedCanvas {
  #hidden = document.createElement('canvas');
  #strokes: Strokes | null = null;
  #order: Uint32Array = new Uint32Array(0);
  #at = 0;
  #slice = FIRST_SLICE;
  #isProgressive = true;
  #scale = 1;
  #next: Parameters<SlicedCanvas['start']> | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  /**
   * Begin to draw. With `isProgressive` each slice is shown at once. Else the whole is shown when it is done, and waits for
   * what is being drawn: data that change faster than they are drawn are still seen.
   */
  start(strokes: Strokes, size: { width: number; height: number }, isProgressive: boolean): void {
    this.#next = !isProgressive && this.#strokes !== null ? [strokes, size, isProgressive] : null;
    if (this.#next) return;
    this.#resize(size);
    this.#strokes = strokes;
    const n = strokes.heights[0]?.length ?? 0;
    if (this.#order.length !== n) this.#order = spreadOrder(n);
    this.#at = 0;
    this.#isProgressive = isProgressive;
    this.#hidden.getContext('2d')?.clearRect(0, 0, this.#hidden.width, this.#hidden.height);
  }

  get isDone(): boolean {
    return this.#strokes === null;
  }

  /** Draw the next slice; `frameMs`: how long the last frame took. */
  step(frameMs: number): void {
    const context = this.#hidden.getContext('2d');
    if (this.#strokes === null || context === null) return;
    this.#slice = nextSlice(this.#slice, frameMs);
    context.setTransform(this.#scale, 0, 0, this.#scale, 0, 0);
    this.#at = strokeSlice(context, this.#strokes, this.#order, this.#at, this.#slice);
    const isDone = this.#at >= this.#order.length;
    if (this.#isProgressive || isDone) this.#show();
    if (!isDone) return;
    this.#strokes = null;
    if (this.#next) this.start(...this.#next);
  }

  #show(): void {
    const shown = this.canvas.getContext('2d');
    if (this.canvas.width !== this.#hidden.width) this.canvas.width = this.#hidden.width;
    if (this.canvas.height !== this.#hidden.height) this.canvas.height = this.#hidden.height;
    shown?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    shown?.drawImage(this.#hidden, 0, 0);
  }

  #resize({ width, height }: { width: number; height: number }): void {
    this.#scale = Math.min(2, window.devicePixelRatio || 1);
    const [w, h] = [Math.round(width * this.#scale), Math.round(height * this.#scale)];
    if (this.#hidden.width !== w) this.#hidden.width = w;
    if (this.#hidden.height !== h) this.#hidden.height = h;
  }
}
