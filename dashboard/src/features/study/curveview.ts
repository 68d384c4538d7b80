/** How the learning curves are shown, as it stands in the address. Pure. */

export interface CurveView {
  readonly metric: string;
  readonly x: 'step' | 'time';
  /** Weight of the past, 0 to 0.99. */
  readonly smoothing: number;
  readonly isLogX: boolean;
  readonly isLogY: boolean;
}

/** Read the address; what is missing or makes no sense is as if it were not there. */
export function readCurveView(query: Pick<URLSearchParams, 'get'>, objective: string): CurveView {
  const smoothing = Number(query.get('smooth'));
  const log = query.get('log') ?? '';
  return {
    metric: query.get('metric') ?? objective,
    x: query.get('x') === 'time' ? 'time' : 'step',
    smoothing: smoothing > 0 && smoothing < 1 ? Math.min(smoothing, 0.99) : 0,
    isLogX: log.includes('x'),
    isLogY: log.includes('y'),
  };
}

/** The part of the address that says which axes are logarithmic. */
export const writeLog = (isLogX: boolean, isLogY: boolean): string => `${isLogX ? 'x' : ''}${isLogY ? 'y' : ''}`;
