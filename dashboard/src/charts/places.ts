/** From the values of a chart of curves to px. Pure. */
import { scaleOf } from './axis';
import type { Range } from './field';

export interface View {
  readonly x: Range;
  readonly y: Range;
  /** In CSS px. */
  readonly width: number;
  readonly height: number;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
}

export type Place = (value: number) => number;

/** Functions to px from the left and from the top. */
export function placesIn(view: View): { toLeft: Place; toTop: Place } {
  const toBottom = scaleOf({ ...view.y, size: view.height, isLog: view.isLogY });
  return { toLeft: scaleOf({ ...view.x, size: view.width, isLog: view.isLogX }), toTop: (y) => view.height - toBottom(y) };
}
