/** Which rows of a long table exist in the page: those on screen and a few around them. */
export interface RowWindow {
  /** First row to draw. */
  readonly start: number;
  /** Row after the last one to draw. */
  readonly end: number;
  /** Height of the space above and below that stands for the rows left out, in px. */
  readonly above: number;
  readonly below: number;
}

/** Work out the rows to draw. All heights in px; every row has the same height. */
export function rowWindow(scrollTop: number, viewHeight: number, rowHeight: number, nRows: number, overscan = 8): RowWindow {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight);
  const shown = Math.ceil(viewHeight / rowHeight);
  const start = Math.max(0, Math.min(first - overscan, nRows));
  const end = Math.min(nRows, Math.max(start, first + shown + overscan));
  return { start, end, above: start * rowHeight, below: (nRows - end) * rowHeight };
}

/** Whether the reader has come close enough to the last loaded row that the next page should be fetched. */
export function isNearEnd(window: RowWindow, nRows: number, margin = 20): boolean {
  return window.end >= nRows - margin;
}
