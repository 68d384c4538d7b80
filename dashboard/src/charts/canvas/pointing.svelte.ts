/** What the pointer does on a chart: move, click, or draw a box. Independent of what is drawn. */
import type { Window } from './picture';
import { nearestMark, type Box, type Places } from './places';

interface Point {
  readonly left: number;
  readonly top: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Handlers {
  /** Whether there is something to point at. */
  readonly isAble: () => boolean;
  readonly onmove: (point: Point) => void;
  readonly onleave: () => void;
  readonly onclick: (point: Point) => void;
  readonly onbox: (box: Box, isShifted: boolean) => void;
  /** Told how far a drag went since it was last told, px; false: draw a box instead. */
  readonly ondrag?: (across: number, down: number, isShifted: boolean) => boolean;
}

/** A pointer that moves less is a click, px. */
const SLACK = 4;

export class Pointing {
  /** The box being drawn. */
  box: Box | null = $state.raw(null);
  #from: Point | null = null;
  #last: Point | null = null;

  constructor(private readonly handlers: Handlers) {}

  /** The key of the mark nearest to a point; null where none is near. */
  keyAt(keys: Int32Array, places: Places, window: Window, size: Size, point: Point): number | null {
    return keys[nearestMark(places, window, size, point)] ?? null;
  }

  readonly down = (event: PointerEvent): void => {
    if (event.button !== 0 || !this.handlers.isAble()) return;
    this.#from = pointOf(event);
    capture(event);
  };

  readonly move = (event: PointerEvent): void => {
    const at = pointOf(event);
    if (this.#from && (this.#last || isFar(this.#from, at)) && this.#drag(at, event.shiftKey)) return;
    if (this.#from && (this.box || isFar(this.#from, at))) this.box = boxBetween(this.#from, at, event.currentTarget as HTMLElement);
    else this.handlers.onmove(at);
  };

  readonly up = (event: PointerEvent): void => {
    const { box } = this;
    const wasDown = this.#from !== null && this.#last === null;
    this.cancel();
    if (box) this.handlers.onbox(box, event.shiftKey);
    else if (wasDown) this.handlers.onclick(pointOf(event));
  };

  readonly cancel = (): void => {
    this.#from = this.#last = null;
    this.box = null;
  };

  /** Whether a drag was taken up. */
  #drag(at: Point, isShifted: boolean): boolean {
    const last = this.#last ?? this.#from ?? at;
    if (this.box || this.handlers.ondrag?.(at.left - last.left, at.top - last.top, isShifted) !== true) return false;
    this.#last = at;
    return true;
  }

  readonly leave = (): void => {
    if (!this.#from) this.handlers.onleave();
  };
}

function pointOf(event: PointerEvent): Point {
  const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return { left: event.clientX - left, top: event.clientY - top };
}

/** Keep hearing a drag that leaves the chart. */
function capture(event: PointerEvent): void {
  (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
}

const isFar = (one: Point, other: Point): boolean => Math.abs(one.left - other.left) + Math.abs(one.top - other.top) > SLACK;

function boxBetween(one: Point, other: Point, { clientWidth, clientHeight }: HTMLElement): Box {
  const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const [x0, x1] = [clamp(one.left, clientWidth), clamp(other.left, clientWidth)];
  const [y0, y1] = [clamp(one.top, clientHeight), clamp(other.top, clientHeight)];
  return { left: Math.min(x0, x1), top: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
}
