/** How bytes are read, as a form holds it: texts, of which an empty one means that the server finds out. Pure. */
import type { BuildOptions } from '$api/types';
import type { Problem } from '$lib/problem';

export interface OptionsDraft {
  target: string;
  task: '' | 'classification' | 'regression';
  kind: '' | 'table' | 'image' | 'sequence';
  valFraction: string;
  testFraction: string;
  splitColumn: string;
  seed: string;
  isChronological: boolean;
  /** Names of columns, one a line: names may hold commas. */
  ignore: string;
  imageHeight: string;
  imageWidth: string;
}

export function emptyDraft(): OptionsDraft {
  return {
    ...{ target: '', task: '', kind: '', valFraction: '', testFraction: '', splitColumn: '', seed: '' },
    ...{ isChronological: false, ignore: '', imageHeight: '', imageWidth: '' },
  };
}

/** The form of options that were given before. */
export function draftOf(options: BuildOptions): OptionsDraft {
  const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
  return {
    target: text(options.target),
    task: options.task ?? '',
    kind: options.kind ?? '',
    valFraction: text(options.val_fraction),
    testFraction: text(options.test_fraction),
    splitColumn: text(options.split_column),
    seed: text(options.seed),
    isChronological: options.is_chronological ?? false,
    ignore: (options.ignore ?? []).join('\n'),
    imageHeight: text(options.image_size?.[0]),
    imageWidth: text(options.image_size?.[1]),
  };
}

/** What is sent of a form. Numbers that are none are left to the browser's own check of the field. */
export function optionsOf(draft: OptionsDraft): BuildOptions {
  const ignore = draft.ignore.split('\n').map((line) => line.trim()).filter(Boolean);
  return {
    target: nameIn(draft.target),
    task: draft.task || null,
    kind: draft.kind || null,
    val_fraction: numberOf(draft.valFraction),
    test_fraction: numberOf(draft.testFraction),
    split_column: nameIn(draft.splitColumn),
    seed: numberOf(draft.seed),
    is_chronological: draft.isChronological,
    ignore,
    image_size: sizeOf(numberOf(draft.imageHeight), numberOf(draft.imageWidth)),
  };
}

const nameIn = (text: string): string | null => text.trim() || null;

/** Of one side alone a square. */
const sizeOf = (height: number | null, width: number | null): readonly number[] | null =>
  height === null && width === null ? null : [height ?? width ?? 0, width ?? height ?? 0];

/** Number inputs hand over numbers, and null where they are empty. */
function numberOf(text: unknown): number | null {
  const trimmed = String(text ?? '').trim();
  const value = Number(trimmed);
  return trimmed === '' || Number.isNaN(value) ? null : value;
}

/** Whether a form says no more than an empty one. */
export const isPlain = (draft: OptionsDraft): boolean => JSON.stringify(optionsOf(draft)) === JSON.stringify(optionsOf(emptyDraft()));

/** What a refusal says about one option, with what would be accepted; null where it speaks of something else. */
export function wrongOf(problem: Problem | null, option: string): string | null {
  const field = problem?.field?.replace(/^(body\.)?(options\.)?/, '') ?? null;
  if (!problem || (field !== option && field?.startsWith(`${option}.`) !== true)) return null;
  return [problem.message, problem.hint].filter(Boolean).join(' – ');
}
