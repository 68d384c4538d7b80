/** Tables as text for spreadsheets. */

/** A spreadsheet runs text that begins like a formula; an apostrophe in front makes it text again. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** Write one cell: missing values empty, numbers in full, everything else quoted where it must be. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Write a table: the names of its columns, then its rows. */
export function writeCsv(names: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return [names, ...rows].map((row) => row.map(csvCell).join(',') + '\r\n').join('');
}
