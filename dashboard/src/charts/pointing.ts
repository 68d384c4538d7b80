/** Draws the marks of a picture over a chart: dashed lines with their names, which keep clear of each other. */
import type uPlot from 'uplot';
import type { ChartColours } from './palette';
import type { Mark } from './picture';

const FONT_PX = 11;
const LINE_PX = 14;
const GAP_PX = 4;

/** Draw marks that lie within what is shown. */
export function drawMarks(plot: uPlot, marks: readonly Mark[], colours: ChartColours): void {
  if (marks.length === 0) return;
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${FONT_PX * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'left'; // the axes leave their own
  ctx.textBaseline = 'alphabetic';
  ctx.strokeStyle = ctx.fillStyle = colours.bad;
  ctx.lineWidth = ratio;
  ctx.setLineDash([4 * ratio, 4 * ratio]);
  marks.forEach((mark, place) => drawMark(plot, mark, place, ratio));
  ctx.restore();
}

function drawMark(plot: uPlot, mark: Mark, place: number, ratio: number): void {
  const pos = plot.valToPos(mark.at, mark.axis, true);
  const { left, top, width, height } = plot.bbox;
  const [start, length] = mark.axis === 'x' ? [left, width] : [top, height];
  if (!(pos >= start && pos <= start + length)) return;
  plot.ctx.beginPath();
  if (mark.axis === 'x') {
    plot.ctx.moveTo(pos, top);
    plot.ctx.lineTo(pos, top + height);
  } else {
    plot.ctx.moveTo(left, pos);
    plot.ctx.lineTo(left + width, pos);
  }
  plot.ctx.stroke();
  const [x, y] = placeOf(plot, mark, pos, place, ratio);
  plot.ctx.fillText(mark.label, x, y);
}

/** Where a mark's name goes: beside a line across the chart, above one along it, and always within. */
function placeOf({ ctx, bbox }: uPlot, { axis, label }: Mark, pos: number, place: number, ratio: number): [number, number] {
  const width = ctx.measureText(label).width;
  const [gap, line, right] = [GAP_PX * ratio, LINE_PX * ratio, bbox.left + bbox.width];
  if (axis === 'x') return [pos + gap + width > right ? pos - gap - width : pos + gap, bbox.top + (place + 1) * line];
  return [right - width - gap, pos - bbox.top < line ? pos + line - gap : pos - gap];
}
