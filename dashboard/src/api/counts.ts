/** Confusion matrices come from workers as they measured them, so their shape is checked here. Pure. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0;

/** Take a square table of counts; null for anything else. */
export function readCounts(value: unknown): readonly (readonly number[])[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const rows = value as readonly unknown[];
  const isTable = rows.every((row) => Array.isArray(row) && row.length === rows.length && row.every(isCount));
  return isTable ? (rows as readonly (readonly number[])[]) : null;
}
