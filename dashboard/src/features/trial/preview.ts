/** What an artifact is, in words, and how it can be looked at. Pure. */
import type { Artifact } from '$api/types';

export type Preview = 'image' | 'json' | 'table' | 'text';

/** Larger ones are for downloading: a preview is a look, not a reader. */
export const MAX_PREVIEW_BYTES = 4 << 20;
export const MAX_TEXT = 64_000;
export const MAX_ROWS = 50;
export const MAX_COLUMNS = 30;

const BY_TYPE: Readonly<Record<string, Preview>> = {
  'image/png': 'image',
  'image/jpeg': 'image',
  'application/json': 'json',
  'text/csv': 'table',
  'text/plain': 'text',
};

/** How to show an artifact; null for what is only to be downloaded. The server names the type, from the file's ending. */
export function previewOf({ media_type: type, n_bytes: nBytes }: Artifact): Preview | null {
  if (nBytes > MAX_PREVIEW_BYTES) return null;
  return BY_TYPE[type.split(';')[0]?.trim() ?? ''] ?? null;
}

const BY_NAME: Readonly<Record<string, string>> = {
  'model.onnx': 'network, runs anywhere (ONNX)',
  'model.safetensors': 'network: its weights',
  'model.json': 'network: how it is built',
  'checkpoint.safetensors': 'state to resume from',
  'confusion_matrix.json': 'confusion matrix',
  'samples.png': 'generated images',
  'reconstructions.png': 'images and their reconstructions',
};

/** Say what a file is; one of no known kind by its ending. */
export function describe({ name, kind }: Artifact): string {
  const known = BY_NAME[name];
  if (known) return known;
  const ending = /\.([A-Za-z0-9]+)$/.exec(name)?.[1];
  return kind === 'file' ? (ending ? `${ending.toUpperCase()} file` : 'file') : kind;
}

/** Write JSON with indents; text that is none stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Read the first rows of a table: fields between commas, those with commas, quotes or line ends within quotes. */
export function parseCsv(text: string, maxRows = MAX_ROWS + 1): string[][] {
  const rows: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy;
  let row: string[] = [];
  while (rows.length < maxRows && field.lastIndex < text.length) {
    const found = field.exec(text);
    if (!found) break; // a stray quote: what was read so far is shown
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] !== ',') {
      rows.push(row);
      row = [];
    }
  }
  return row.length > 0 ? [...rows, row] : rows;
}
