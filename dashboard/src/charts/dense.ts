/** Parallel coordinates of very many lines: a choice among them lays and takes away the lines that it changes, and no other. */
import { develop, eraserOf, layLine, makeInk, MAX_LINES, penOf, type Ink, type Pen } from './ink';
import { spreadOrder, type Strokes } from './strokes';

/** From so many lines on. Fewer are drawn by the canvas, sharper and with dashes. */
export const MANY = 5_000;
/** How long a frame lays lines, so that what the reader does comes in between. */
const SLICE_MS = 14;
const N_AT_ONCE = 128;

/** What is laid on the paper, and what is to be. Pure but for its paper. */
export class DenseLines {
  readonly ink: Ink;
  readonly #pens: readonly Pen[];
  readonly #erasers: readonly Pen[];
  readonly #laid: Uint8Array;
  readonly #order: Uint32Array;
  #mask: Uint8Array | null = null;
  #at = 0;

  /** `size`: of the paper, in px. */
  constructor(
    private readonly strokes: Pick<Strokes, 'xs' | 'heights' | 'buckets' | 'colours'>,
    size: { readonly width: number; readonly height: number },
  ) {
    this.ink = makeInk(Math.ceil(size.width), Math.ceil(size.height));
    this.#pens = strokes.colours.map((colour) => penOf(colour));
    this.#erasers = this.#pens.map(eraserOf);
    const n = strokes.heights[0]?.length ?? 0;
    // An even part of more than that looks the same.
    this.#order = spreadOrder(n).subarray(0, MAX_LINES);
    this.#laid = new Uint8Array(n);
  }

  get isDone(): boolean {
    return this.#at >= this.#order.length;
  }

  /** Go for these lines; null: for all. */
  aim(mask: Uint8Array | null): void {
    this.#mask = mask;
    this.#at = 0;
  }

  /** Lay and take away until `isTime`, which is asked now and then. */
  work(isTime: () => boolean): void {
    for (let changed = 0; !this.isDone; this.#at += 1) {
      const line = this.#order[this.#at] ?? 0;
      const wanted = this.#mask === null ? 1 : (this.#mask[line] ?? 0);
      if (wanted === this.#laid[line]) continue;
      this.#lay(line, (wanted ? this.#pens : this.#erasers)[this.strokes.buckets[line] ?? 0]);
      this.#laid[line] = wanted;
      changed += 1;
      if (changed % N_AT_ONCE === 0 && isTime()) return;
    }
  }

  #lay(line: number, pen: Pen | undefined): void {
    const { xs, heights } = this.strokes;
    for (let k = 1; pen && k < xs.length; k += 1) {
      layLine(this.ink, pen, xs[k - 1] ?? 0, heights[k - 1]?.[line] ?? 0, xs[k] ?? 0, heights[k]?.[line] ?? 0);
    }
  }
}

type Size = { readonly width: number; readonly height: number };

/** One canvas of very many lines: what `SlicedCanvas` is for fewer. */
export class DenseCanvas {
  #lines: DenseLines | null = null;
  #drawn: Strokes | null = null;
  #size: Size = { width: 0, height: 0 };
  #isProgressive = true;
  #pixels: ImageData | null = null;
  #next: Parameters<DenseCanvas['start']> | null = null;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  /** Begin to draw; as that of `SlicedCanvas`, and where only the mask is another one, from what is there. */
  start(strokes: Strokes, size: Size, isProgressive: boolean): void {
    this.#next = !isProgressive && !this.isDone ? [strokes, size, isProgressive] : null;
    if (this.#next) return;
    if (this.#lines === null || !this.#isSame(strokes, size)) this.#lines = new DenseLines(strokes, size);
    [this.#drawn, this.#size, this.#isProgressive] = [strokes, size, isProgressive];
    this.#lines.aim(strokes.mask);
  }

  get isDone(): boolean {
    return this.#lines === null || this.#lines.isDone;
  }

  /** Lay the next lines. */
  step(): void {
    if (this.#lines === null) return;
    const until = performance.now() + SLICE_MS;
    this.#lines.work(() => performance.now() >= until);
    if (this.#isProgressive || this.isDone) this.#show(this.#lines.ink, this.#drawn?.alpha ?? 1);
    if (this.isDone && this.#next) this.start(...this.#next);
  }

  #isSame({ heights, buckets, colours }: Strokes, { width, height }: Size): boolean {
    const drawn = this.#drawn;
    const isColoured = colours.every((colour, i) => colour === drawn?.colours[i]);
    return heights === drawn?.heights && buckets === drawn.buckets && isColoured && width === this.#size.width && height === this.#size.height;
  }

  #show(ink: Ink, alpha: number): void {
    const { canvas } = this;
    if (canvas.width !== ink.width) canvas.width = ink.width;
    if (canvas.height !== ink.height) canvas.height = ink.height;
    const context = canvas.getContext('2d');
    if (context === null || ink.sums.length === 0) return;
    if (this.#pixels?.width !== ink.width || this.#pixels.height !== ink.height) this.#pixels = context.createImageData(ink.width, ink.height);
    develop(ink, alpha, this.#pixels.data);
    context.putImageData(this.#pixels, 0, 0);
  }
}
