/** Axes, grid and dragging around a `Field`, by uPlot; the curves themselves are drawn on canvases above it. */
import uPlot from 'uplot';
import type { Span } from './axis';
import type { Field, Range } from './field';
import type { ChartColours } from './palette';
import { toAxis, WHOLE_STEPS } from './uplot';

export interface FrameHooks {
  /** What the axes show now. */
  readonly ranges: () => { readonly x: Range; readonly y: Range };
  readonly onPointer: (left: number, top: number) => void;
  readonly onDrag: (span: Span) => void;
  /** The plotting area has this size, in CSS px: known once uPlot has measured its axes. */
  readonly onArea: (width: number, height: number) => void;
}

/** The options of an empty plot of the field's axes. */
export function frameOptions(field: Field, colours: ChartColours, size: { width: number; height: number }, hooks: FrameHooks): uPlot.Options {
  const scale = (axis: 'x' | 'y', isLog: boolean): uPlot.Scale => ({
    time: false,
    distr: isLog ? 3 : 1,
    range: () => {
      const { low, high } = hooks.ranges()[axis];
      return [low, high];
    },
  });
  return {
    ...size,
    legend: { show: false },
    padding: [12, 20, 0, 0],
    cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: { x: scale('x', field.isLogX), y: scale('y', field.isLogY) },
    axes: [toAxis(field.xLabel, colours, { ...(field.isXWhole ? { incrs: [...WHOLE_STEPS] } : {}), space: 56, size: 24 }), toAxis('', colours, { size: 56 })],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: {
      draw: [({ over }) => hooks.onArea(over.clientWidth, over.clientHeight)],
      setCursor: [({ cursor }) => hooks.onPointer(cursor.left ?? -1, cursor.top ?? -1)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          hooks.onDrag({ low: plot.posToVal(left, 'x'), high: plot.posToVal(left + width, 'x') });
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** Two points that span the axes: uPlot asks for ranges only where there are data. */
export const frameData = ({ x, y }: { readonly x: Range; readonly y: Range }): uPlot.AlignedData => [
  [x.low, x.high],
  [y.low, y.high],
];
