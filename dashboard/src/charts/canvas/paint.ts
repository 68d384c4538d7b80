/** Paint a scatter picture into pixels: the field, then marks, the chosen above the others. Pure but for the pixels. */
import type { Field, Look, ScatterPicture, Window } from './picture';
import { toLeft, toTop, type Places } from './places';
import { makeStamp, press, type Pixels, type Stamp } from './stamps';

export interface Ink {
  /** Of marks that are not chosen, where others are. */
  readonly faded: readonly [number, number, number];
  /** Colours of a field, from least to most. */
  readonly levels: readonly (readonly [number, number, number])[];
}

const FADED_ALPHA = 0.3;
/** Chosen marks are larger among faded ones, so that colour alone need not tell them. */
const GROWTH = 1.4;

export interface MarkView {
  readonly window: Window;
  readonly ratio: number;
  readonly ink: Ink;
}

/** Paint all marks, in full or (below a choice) faded. Effects: changes `pixels`. */
export function paintMarks(pixels: Pixels, picture: ScatterPicture, places: Places, view: MarkView & { isFaded: boolean }): void {
  const fade = (look: Look): Look => ({ ...look, rgb: view.ink.faded, alpha: Math.min(look.alpha, FADED_ALPHA) });
  const stamps = picture.looks.map((look) => makeStamp(view.isFaded ? fade(look) : look, view.ratio));
  pressAll({ pixels, picture, places, window: view.window }, stamps, () => true);
}

/** Paint the chosen marks alone, larger than they are among all. Effects: changes `pixels`. */
export function paintChosen(pixels: Pixels, picture: ScatterPicture, places: Places, view: MarkView & { chosen: ReadonlySet<number> }): void {
  const stamps = picture.looks.map((look) => makeStamp({ ...look, radius: GROWTH * look.radius }, view.ratio));
  pressAll({ pixels, picture, places, window: view.window }, stamps, (place) => view.chosen.has(picture.keys[place] ?? -1));
}

interface Target {
  readonly pixels: Pixels;
  readonly picture: ScatterPicture;
  readonly places: Places;
  readonly window: Window;
}

/** Press the stamp of every wanted mark, those that must not be covered last. */
function pressAll({ pixels, picture, places, window }: Target, stamps: readonly Stamp[], isWanted: (place: number) => boolean): void {
  const top = topLook(picture);
  const put = (place: number): void => {
    const stamp = stamps[picture.styles[place] ?? 0];
    const [across, up] = [places.across[place] ?? NaN, places.up[place] ?? NaN];
    if (stamp && isShown(across, up, window)) press(pixels, stamp, toLeft(across, window, pixels.width), toTop(up, window, pixels.height));
  };
  const last: number[] = [];
  for (let place = 0; place < picture.keys.length; place += 1) {
    if (!isWanted(place)) continue;
    if (picture.styles[place] === top) last.push(place);
    else put(place);
  }
  last.forEach(put);
}

/** The last look is for what must not be covered, such as the best trial. */
const topLook = (picture: ScatterPicture): number => (picture.looks.length > 1 ? picture.looks.length - 1 : -1);

/** Marks a little outside still show a part; NaN never does. */
function isShown(across: number, up: number, { left, right, bottom, top }: Window): boolean {
  const [x, y] = [0.02 * (right - left), 0.02 * (top - bottom)];
  return across >= left - x && across <= right + x && up >= bottom - y && up <= top + y;
}

/** Paint a field in bands of equal steps; pixels about which nothing is known stay clear. Effects: changes `pixels`. */
export function paintField(pixels: Pixels, field: Field, window: Window, levels: Ink['levels']): void {
  const { width, height, data } = pixels;
  const columns = Array.from({ length: width }, (_, i) => between(window.left + ((i + 0.5) / width) * (window.right - window.left), field.nColumns, field.isStepX));
  for (let row = 0; row < height; row += 1) {
    const y = between(window.top - ((row + 0.5) / height) * (window.top - window.bottom), field.nRows, field.isStepY);
    for (let column = 0; column < width; column += 1) {
      const value = fieldAt(field, columns[column] ?? y, y);
      if (Number.isNaN(value)) continue;
      const [red, green, blue] = levels[Math.min(Math.floor(value * levels.length), levels.length - 1)] ?? [0, 0, 0];
      const at = 4 * (row * width + column);
      data[at] = red;
      data[at + 1] = green;
      data[at + 2] = blue;
      data[at + 3] = 255;
    }
  }
}

/** Two neighbours on a grid, and how far it is from the first to the second. */
export interface Between {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** The field between its grid's points, bilinear; NaN unless all points around are known. */
export function fieldAt({ values, nColumns }: Field, x: Between, y: Between): number {
  const mix = (from: number, to: number, share: number): number => (share === 0 ? from : from + share * (to - from));
  const along = (row: number): number => mix(values[row * nColumns + x.from] ?? NaN, values[row * nColumns + x.to] ?? NaN, x.share);
  return y.share === 0 ? along(y.from) : mix(along(y.from), along(y.to), y.share);
}

/** The two of `n` grid points around a place between 0 and 1; on an axis of steps only the nearest. */
export function between(at: number, n: number, isStep: boolean): Between {
  const place = Math.min(Math.max(at * n - 0.5, 0), n - 1);
  if (isStep || n < 2) return { from: Math.round(place), to: Math.round(place), share: 0 };
  const from = Math.min(Math.floor(place), n - 2);
  return { from, to: from + 1, share: place - from };
}
