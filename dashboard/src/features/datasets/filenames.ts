/** What a file's name and first bytes say of it: its format, and a name for the data set. Pure. */

export type Format = 'csv' | 'parquet' | 'npz' | 'images';

interface Described {
  readonly format: Format;
  readonly short: string;
  readonly words: string;
  readonly endings: readonly string[];
  /** What its first bytes are; text has no mark. */
  readonly mark: string;
}

/** Formats that the server reads. */
export const FORMATS: readonly Described[] = [
  {
    ...{ format: 'csv', short: 'CSV', words: 'CSV: a table as text, its first line the names of the columns' },
    ...{ endings: ['.csv', '.tsv', '.txt'], mark: '' },
  },
  { format: 'parquet', short: 'Parquet', words: 'Parquet: a table', endings: ['.parquet'], mark: 'PAR1' },
  { format: 'npz', short: 'NPZ', words: 'NPZ: arrays of NumPy, x and y', endings: ['.npz'], mark: 'PK' },
  {
    ...{ format: 'images', short: 'pictures as ZIP', words: 'Pictures as ZIP: a folder for each class' },
    ...{ endings: ['.zip'], mark: 'PK' },
  },
];

/** What a file chooser offers. */
export const ACCEPTED = FORMATS.flatMap(({ endings }) => endings).join(',');

/** Guess a format; null where name and first bytes cannot both be right, or neither says anything. */
export function guessFormat(filename: string, first: Uint8Array): Format | null {
  const named = FORMATS.find(({ endings }) => endings.some((ending) => filename.toLowerCase().endsWith(ending)));
  const start = String.fromCharCode(...first.subarray(0, 4));
  const mark = FORMATS.find((one) => one.mark !== '' && start.startsWith(one.mark))?.mark ?? '';
  return named?.mark === mark ? named.format : null;
}

const MOST_CHARS = 64;

/** Make a data set's name of a file's: `My Flowers (2).csv` gives `my-flowers-2`. */
export function nameOf(filename: string): string {
  const stem = filename.replace(/\.[^.]*$/, '');
  const tidy = stem.normalize('NFKD').toLowerCase().replace(/[^a-z0-9_]+/g, '-');
  return tidy.replace(/^[-_]+/, '').slice(0, MOST_CHARS).replace(/[-_]+$/, '');
}
