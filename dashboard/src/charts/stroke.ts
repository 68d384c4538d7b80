/** Drawing a `Field` on canvases: quiet lines below, in slices; all else above. Knows pixels, no data of ours. */
import { indicesWithin, type Field, type FieldBand, type FieldLine, type Mark } from './field';
import { CurvePaper, MANY_CURVES, RAW_SHARE } from './inked';
import { placesIn, type Place, type View } from './places';
import { prepare } from './prepare';

/** Draw one line, with the points it is smoothed from faint beneath. */
export function strokeLine(context: CanvasRenderingContext2D, line: FieldLine, view: View): void {
  context.setLineDash(line.dash ? [...line.dash] : []);
  context.strokeStyle = context.fillStyle = line.colour;
  if (line.raw) {
    const alpha = context.globalAlpha;
    context.globalAlpha = RAW_SHARE * alpha;
    trace(context, line.xs, line.raw, view, 1);
    context.globalAlpha = alpha;
  }
  trace(context, line.xs, line.ys, view, line.width);
}

function trace(context: CanvasRenderingContext2D, xs: readonly number[], ys: readonly number[], view: View, width: number): void {
  const { toLeft, toTop } = placesIn(view);
  const [from, to] = indicesWithin(xs, view.x);
  context.lineWidth = width;
  context.beginPath();
  let isDown = false;
  for (let i = Math.max(0, from - 1); i < Math.min(xs.length, to + 1); i += 1) {
    const [left, top] = [toLeft(xs[i] ?? NaN), toTop(ys[i] ?? NaN)];
    if (!Number.isFinite(left) || !Number.isFinite(top)) {
      isDown = false;
      continue;
    }
    if (isDown) context.lineTo(left, top);
    else if (isAlone(toTop, ys, i)) context.rect(left - width / 2, top - width / 2, width, width);
    else context.moveTo(left, top);
    isDown = true;
  }
  context.stroke();
}

/** Whether the next point has no place: a line of one point has no length. */
const isAlone = (toTop: Place, ys: readonly number[], i: number): boolean => !Number.isFinite(toTop(ys[i + 1] ?? NaN));

export function strokeBand(context: CanvasRenderingContext2D, { xs, low, middle, high, fill, stroke }: FieldBand, view: View): void {
  const { toLeft, toTop } = placesIn(view);
  const corners = [...xs.map((x, i) => [x, high[i]] as const), ...xs.map((x, i) => [x, low[i]] as const).reverse()];
  context.setLineDash([]);
  context.fillStyle = fill;
  context.beginPath();
  corners.forEach(([x, y], i) => {
    if (i === 0) context.moveTo(toLeft(x), toTop(y ?? NaN));
    else context.lineTo(toLeft(x), toTop(y ?? NaN));
  });
  context.fill();
  context.strokeStyle = stroke;
  context.setLineDash([6, 4]);
  trace(context, xs, middle, view, 1.5);
}

/** Mark points that have no place: a cross at the bottom for NaN, a triangle at the edge for what lies beyond it. */
export function strokeMarks(context: CanvasRenderingContext2D, marks: readonly Mark[], view: View, colour: string): void {
  const { toLeft } = placesIn(view);
  context.setLineDash([]);
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 1.5;
  const seen = new Set<string>(); // at most one of a kind a pixel
  for (const { x, kind } of marks) {
    const left = Math.round(toLeft(x));
    const key = `${kind}${left}`;
    if (!(left >= 0 && left <= view.width) || seen.has(key)) continue;
    seen.add(key);
    context.beginPath();
    if (kind === 'nan') cross(context, left, view.height - 5);
    else triangle(context, left, kind === 'up' ? 1 : view.height - 1, kind === 'up' ? 6 : -6);
  }
}

function cross(context: CanvasRenderingContext2D, left: number, top: number): void {
  context.moveTo(left - 3, top - 3);
  context.lineTo(left + 3, top + 3);
  context.moveTo(left + 3, top - 3);
  context.lineTo(left - 3, top + 3);
  context.stroke();
}

function triangle(context: CanvasRenderingContext2D, left: number, tip: number, height: number): void {
  context.moveTo(left, tip);
  context.lineTo(left - 4, tip + height);
  context.lineTo(left + 4, tip + height);
  context.fill();
}

const SLICE_MS = 10;
const MAX_STRONG = 200;

/** Lay lines for the time of a slice; answers the place of the next one. */
function layFrom(first: number, lines: readonly FieldLine[], lay: (line: FieldLine) => void): number {
  const until = performance.now() + SLICE_MS;
  let next = first;
  for (; next < lines.length && performance.now() < until; next += 1) lay(lines[next] as FieldLine);
  return next;
}

/** Draws the quiet lines of a field and its marks on one canvas, a slice a frame, so that the page answers meanwhile. */
export class QuietLayer {
  #frame = 0;
  #buffer = document.createElement('canvas');
  #sheet = document.createElement('canvas');
  #isBlank = true;

  /** Draw; what is still being drawn is given up. `ondone` is told when all is there. */
  draw(canvas: HTMLCanvasElement, field: Field, view: View, markColour: string, ondone?: () => void): void {
    this.stop();
    const lines = field.lines.filter((line) => line.isQuiet);
    const context = prepare(this.#buffer, view.width, view.height);
    if (!context) return;
    // Hundreds of lines at full strength are one grey wall: paler, they show where they are dense.
    const alpha = Math.max(0.2, Math.min(1, MAX_STRONG / lines.length));
    const paper = lines.length >= MANY_CURVES ? new CurvePaper(view) : null;
    const lay = (line: FieldLine): void => (paper ? paper.lay(line) : strokeLine(context, line, view));
    context.globalAlpha = alpha;
    let next = 0;
    const slice = (): void => {
      next = layFrom(next, lines, lay);
      const isDone = next >= lines.length;
      if (paper && (isDone || this.#isBlank)) this.#develop(paper, context, view, alpha);
      if (isDone) {
        context.globalAlpha = 1;
        strokeMarks(context, field.marks, view, markColour);
      }
      if (isDone || this.#isBlank) this.#show(canvas, view);
      if (!isDone) this.#frame = requestAnimationFrame(slice);
      else {
        this.#isBlank = false;
        ondone?.();
      }
    };
    slice();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** Put ink onto the buffer, by way of a sheet of its size: the screen may have more pixels. */
  #develop(paper: CurvePaper, context: CanvasRenderingContext2D, view: View, alpha: number): void {
    const { width, height } = paper.ink;
    if (width === 0 || height === 0) return;
    [this.#sheet.width, this.#sheet.height] = [width, height];
    const sheet = this.#sheet.getContext('2d');
    if (!sheet) return;
    const pixels = sheet.createImageData(width, height);
    paper.develop(alpha, pixels);
    sheet.putImageData(pixels, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, view.width, view.height);
    context.drawImage(this.#sheet, 0, 0, width, height);
  }

  #show(canvas: HTMLCanvasElement, view: View): void {
    prepare(canvas, view.width, view.height)?.drawImage(this.#buffer, 0, 0, view.width, view.height);
  }
}
