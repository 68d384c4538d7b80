/** Put a scatter picture on a canvas. What is worth testing lies in the pure modules that this calls. */
import { toUnit } from './axis';
import { paintChosen, paintField, paintMarks, type Ink } from './paint';
import type { PathMark, ScatterPicture, Window } from './picture';
import { toLeft, toTop, type Places } from './places';

interface View {
  readonly window: Window;
  readonly size: { readonly width: number; readonly height: number };
  readonly ink: Ink;
}

/** Draw field, paths and all marks, faded where others are to lie above them. Effects: sizes and paints the canvas. */
export function drawScatter(canvas: HTMLCanvasElement, picture: ScatterPicture, places: Places, view: View & { isFaded: boolean }): void {
  paintOn(canvas, view.size, (context, ratio) => {
    if (picture.field) {
      const pixels = context.createImageData(canvas.width, canvas.height);
      paintField(pixels, picture.field, view.window, view.ink.levels);
      context.putImageData(pixels, 0, 0);
    }
    for (const path of picture.paths ?? []) stroke(context, path, picture, view, ratio);
    // Marks are blended over what is there, so that the field shines through and paths run below.
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    paintMarks(pixels, picture, places, { ...view, ratio });
    context.putImageData(pixels, 0, 0);
  });
}

/** Draw the chosen marks on a layer of their own: the marks below need not be drawn anew. Effects: as above. */
export function drawChosen(canvas: HTMLCanvasElement, picture: ScatterPicture, places: Places, view: View & { chosen: ReadonlySet<number> | null }): void {
  const { chosen } = view;
  paintOn(canvas, view.size, (context, ratio) => {
    if (chosen === null) return;
    const pixels = context.createImageData(canvas.width, canvas.height);
    paintChosen(pixels, picture, places, { ...view, chosen, ratio });
    context.putImageData(pixels, 0, 0);
  });
}

/** Size and empty a canvas, then paint; not where it has no room. */
function paintOn(canvas: HTMLCanvasElement, size: View['size'], paint: (context: CanvasRenderingContext2D, ratio: number) => void): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || width === 0 || height === 0) return;
  canvas.width = width; // empties it, too
  canvas.height = height;
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${size.height}px`;
  paint(context, ratio);
}

function stroke(context: CanvasRenderingContext2D, path: PathMark, picture: ScatterPicture, { window, size }: View, ratio: number): void {
  context.save();
  context.scale(ratio, ratio);
  context.beginPath();
  path.xs.forEach((x, i) => {
    const left = toLeft(toUnit(picture.x, x), window, size.width);
    const top = toTop(toUnit(picture.y, path.ys[i] ?? NaN), window, size.height);
    if (i === 0) context.moveTo(left, top);
    else context.lineTo(left, top);
  });
  context.strokeStyle = `rgb(${path.rgb.join(', ')})`;
  context.lineWidth = path.width;
  context.setLineDash([...(path.dash ?? [])]);
  context.stroke();
  context.restore();
}
