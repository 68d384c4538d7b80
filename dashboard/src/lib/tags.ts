/** Tags as people type them. Pure. */

export interface ReadTags {
  readonly tags: string[];
  /** The first word that cannot be a tag; null where all can. */
  readonly wrong: string | null;
}

const TAG = /^[\p{L}\p{N}\p{M}_.:-]{1,50}$/u;

/** Split text at spaces and commas; each tag once, in the order in which they came. */
export function readTags(text: string): ReadTags {
  const tags = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  return { tags, wrong: tags.find((tag) => !TAG.test(tag)) ?? null };
}
