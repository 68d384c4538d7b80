/** Readies a canvas for drawing. In a module of its own, so that a chart with a mere layer does not fetch all that draws curves. */

/** Make a canvas fit its place at the screen's resolution and empty it; null where the browser gives no context. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  if (context) context.lineJoin = 'bevel';
  return context;
}
