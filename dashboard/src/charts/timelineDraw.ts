/** Put a timeline on a canvas: colour and pattern by how an attempt ended. */
import { toUnit } from './canvas/axis';
import type { Window } from './canvas/picture';
import { toLeft } from './canvas/places';
import type { Theme } from './marks';
import type { Ending, TimelinePicture } from './timeline';

export const HEIGHT_OF_LANE = 20;
const BAR = 14;
const LEAST_WIDTH = 2;
const FADED = 0.25;

/** Colours of Okabe and Ito by ending; patterns tell them apart without colour. */
export const COLOURS: Readonly<Record<Theme, Readonly<Record<Ending, string>>>> = {
  light: { running: '#0072b2', complete: '#007a5a', pruned: '#75828f', 'handed-back': '#a87900', failed: '#c04c00' },
  dark: { running: '#56b4e9', complete: '#2fc79a', pruned: '#93a1ae', 'handed-back': '#e8b04a', failed: '#f08a4b' },
};

interface View {
  readonly window: Window;
  readonly size: { readonly width: number; readonly height: number };
  readonly chosen: ReadonlySet<number> | null;
  readonly hovered: number | null;
  readonly theme: Theme;
}

/** Draw all bars. Effects: sizes and paints the canvas. */
export function drawBars(canvas: HTMLCanvasElement, picture: TimelinePicture, view: View): void {
  const { window, size, chosen, hovered, theme } = view;
  const context = prepare(canvas, size);
  if (!context) return;
  const axis = { label: '', kind: 'time', low: picture.low_s, high: picture.high_s } as const;
  const patterns = patternsFor(context, theme);
  const leftOf = (at_s: number): number => toLeft(toUnit(axis, at_s), window, size.width);
  for (const { attempt, lane, from_s, to_s, ending } of picture.bars) {
    const [left, right] = [leftOf(from_s), leftOf(to_s)];
    if (right < 0 || left > size.width) continue;
    const box: Box = [left, lane * HEIGHT_OF_LANE + (HEIGHT_OF_LANE - BAR) / 2, Math.max(right - left - 0.5, LEAST_WIDTH), BAR];
    const isHovered = attempt.number === hovered;
    context.globalAlpha = isHovered || chosen === null || chosen.has(attempt.number) ? 1 : FADED;
    context.fillStyle = patterns[ending];
    context.fillRect(...box);
    if (isHovered) outline(context, box, HOVERED[theme], 2);
    else if (box[2] > 5) outline(context, box, COLOURS[theme][ending], 1);
  }
  context.globalAlpha = 1;
}

const HOVERED: Readonly<Record<Theme, string>> = { light: '#12202e', dark: '#ffffff' };

type Box = readonly [left: number, top: number, width: number, height: number];

function prepare(canvas: HTMLCanvasElement, size: View['size']): CanvasRenderingContext2D | null {
  const ratio = globalThis.devicePixelRatio || 1;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${size.height}px`;
  const context = canvas.getContext('2d');
  context?.scale(ratio, ratio);
  return context;
}

function outline(context: CanvasRenderingContext2D, [left, top, width, height]: Box, colour: string, line: number): void {
  context.strokeStyle = colour;
  context.lineWidth = line;
  context.strokeRect(left + line / 2, top + line / 2, Math.max(width - line, 0.5), height - line);
}

/** Lines of each pattern on a tile of 8 px, from and to; none: filled. */
const STROKES: Readonly<Record<Ending, readonly (readonly [number, number, number, number])[]>> = {
  complete: [],
  running: [[0, 4, 8, 4]],
  pruned: [[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]],
  'handed-back': [[4, 0, 4, 8]],
  failed: [[0, 0, 8, 8], [0, 8, 8, 0]],
};

function patternsFor(context: CanvasRenderingContext2D, theme: Theme): Record<Ending, CanvasPattern | string> {
  const make = (ending: Ending): CanvasPattern | string => {
    const colour = COLOURS[theme][ending];
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const pen = tile.getContext('2d');
    if (!pen || STROKES[ending].length === 0) return colour;
    pen.fillStyle = colour;
    pen.globalAlpha = 0.3;
    pen.fillRect(0, 0, 8, 8);
    pen.globalAlpha = 1;
    pen.strokeStyle = colour;
    pen.lineWidth = ending === 'running' ? 3 : 1.75;
    for (const [x0, y0, x1, y1] of STROKES[ending]) {
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y1);
      pen.stroke();
    }
    return context.createPattern(tile, 'repeat') ?? colour;
  };
  return { running: make('running'), complete: make('complete'), pruned: make('pruned'), 'handed-back': make('handed-back'), failed: make('failed') };
}
