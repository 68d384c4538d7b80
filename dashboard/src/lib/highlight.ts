/** Find a text within another, for marking it. Pure; the pieces are shown as text, so nothing in them acts. */

export interface Piece {
  readonly text: string;
  readonly isHit: boolean;
}

/** Cut `text` where `wanted` stands in it, whatever the case of letters. The pieces together are `text`. */
export function cutAt(text: string, wanted: string): Piece[] {
  if (wanted === '') return [{ text, isHit: false }];
  const pieces: Piece[] = [];
  const found = new RegExp(escapeRegExp(wanted), 'giu');
  let from = 0;
  for (const hit of text.matchAll(found)) {
    if (hit.index > from) pieces.push({ text: text.slice(from, hit.index), isHit: false });
    pieces.push({ text: hit[0], isHit: true });
    from = hit.index + hit[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from), isHit: false });
  return pieces;
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
