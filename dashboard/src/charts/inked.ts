/** Very many curves as ink: a chart of a thousand is laid in a frame or two where a canvas strokes for a second. */
import { indicesWithin, type FieldLine } from './field';
import { develop, layLine, makeInk, penOf, type Ink, type Pen } from './ink';
import { placesIn, type View } from './places';

/** From so many curves on. Fewer are stroked by the canvas, sharper and with dashes. */
export const MANY_CURVES = 150;
/** How strong the points are that a curve is smoothed from. */
export const RAW_SHARE = 0.28;

type XY = readonly [left: number, top: number];

/** Paper for curves of one view. */
export class CurvePaper {
  readonly ink: Ink;
  readonly #pens = new Map<string, Pen>();

  constructor(private readonly view: View) {
    this.ink = makeInk(Math.ceil(view.width), Math.ceil(view.height));
  }

  /** Lay one line, with the points it is smoothed from faint beneath. */
  lay({ xs, ys, raw, colour, width }: FieldLine): void {
    if (raw) this.#trace(xs, raw, this.#penOf(colour, RAW_SHARE));
    this.#trace(xs, ys, this.#penOf(colour, width));
  }

  /** Make a picture of it; a line at full strength hides `alpha` of what lies below. */
  develop(alpha: number, pixels: ImageData): void {
    develop(this.ink, alpha, pixels.data);
  }

  #trace(xs: readonly number[], ys: readonly number[], pen: Pen): void {
    const { toLeft, toTop } = placesIn(this.view);
    const place = (i: number): XY | null => {
      const [left, top] = [toLeft(xs[i] ?? NaN), toTop(ys[i] ?? NaN)];
      return Number.isFinite(left) && Number.isFinite(top) ? [left, top] : null;
    };
    const [from, to] = indicesWithin(xs, this.view.x);
    let [before, isAlone]: [XY | null, boolean] = [null, false];
    // One place beyond the last: there the line ends.
    for (let i = Math.max(0, from - 1); i <= to + 1; i += 1) {
      const here = i <= to ? place(i) : null;
      if (before && here) layLine(this.ink, pen, before[0], before[1], here[0], here[1]);
      // A line of one point has no length.
      else if (before && isAlone) layLine(this.ink, pen, before[0] - 1, before[1], before[0] + 1, before[1]);
      isAlone = before === null;
      before = here;
    }
  }

  #penOf(colour: string, strength: number): Pen {
    const key = `${colour} ${strength}`;
    const pen = this.#pens.get(key) ?? penOf(colour, strength);
    this.#pens.set(key, pen);
    return pen;
  }
}
