/** How numbers, sizes, spans and times are written: the same everywhere, missing values as an en dash. */

export const MISSING = '–';

const SIGNIFICANT_DIGITS = 4;

/** Write a number with 4 significant digits; whole numbers below a million stay whole; NaN and infinities by name. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return MISSING;
  if (!Number.isFinite(value)) return withMinus(String(value).replace('Infinity', '∞'));
  const size = Math.abs(value);
  if (size < 1e6) {
    if (Number.isInteger(value)) return withMinus(String(value));
    if (size >= 1e-3) return withMinus(String(Number(value.toPrecision(SIGNIFICANT_DIGITS))));
  }
  const [digits = '', exponent = ''] = value.toExponential(SIGNIFICANT_DIGITS - 1).split('e');
  return withMinus(`${Number(digits)}e${exponent.replace('+', '')}`);
}

/** A real minus sign is as wide as a digit, so columns align. */
const withMinus = (text: string): string => text.replaceAll('-', '−');

/** Write a hyperparameter's value: numbers as `formatNumber`, everything else as its JSON word without quotes. */
export function formatParam(value: unknown): string {
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'string') return value;
  return value === undefined ? MISSING : JSON.stringify(value);
}

/** Write a count with a thin space between thousands. */
export function formatCount(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Write a size in bytes with binary units. */
export function formatBytes(nBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = nBytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Write a span of time in seconds as its two largest units, e.g. `1 h 04 min`. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return MISSING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

const pad = (n: number): string => String(n).padStart(2, '0');

const RELATIVE_UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
];

/** Say how long ago (or ahead) `at` lies from `nowMs`, in the reader's words, e.g. `5 minutes ago`. */
export function formatRelative(at: string | Date, nowMs: number, locale = 'en'): string {
  const seconds = (new Date(at).getTime() - nowMs) / 1000;
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'always' });
  for (const [unit, length] of RELATIVE_UNITS) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return 'just now';
}

/** Write a moment in the reader's time zone (or the one given), with the zone's short name. */
export function formatMoment(at: string | Date, locale?: string, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    ...(timeZone ? { timeZone } : {}),
  }).format(new Date(at));
}

/** Write the time of day, in the reader's zone, as log lines show it. */
export function formatClock(at: string | Date, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', ...(timeZone ? { timeZone } : {}) }).format(new Date(at));
}
