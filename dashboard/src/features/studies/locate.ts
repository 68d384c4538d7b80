/** Find where in JSON text a named field stands, to show a server's refusal beside the line it is about. Pure. */

export interface Place {
  /** Range of characters of the field's name and value. */
  readonly start: number;
  readonly end: number;
  /** From 1. */
  readonly line: number;
}

interface Token {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Find a field by its dotted path, e.g. `search_space.learning_rate.low` or `objectives.0.metric`. Where the last parts
 * are missing from the text the nearest enclosing field that is there is answered; null where none is. The text must be
 * valid JSON.
 */
export function locate(text: string, path: string): Place | null {
  const ranges = new FieldWalk(text).ranges;
  const keys = path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  for (let n = keys.length; n > 0; n -= 1) {
    const range = ranges.get(keys.slice(0, n).join('.'));
    if (range) return { ...range, line: text.slice(0, range.start).split('\n').length };
  }
  return null;
}

/** Walks once over the tokens of valid JSON and notes where each field begins and ends. */
class FieldWalk {
  readonly ranges = new Map<string, { start: number; end: number }>();
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = [...text.matchAll(TOKEN)].map(({ 0: word, index }) => ({ word, start: index, end: index + word.length }));
    this.#value('');
  }

  #take(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('the text ended inside a value: it is not JSON');
    this.#at += 1;
    return token;
  }

  /** Whether the next token is one of these; it is taken if so. */
  #skip(...words: string[]): boolean {
    const isNext = words.includes(this.#tokens[this.#at]?.word ?? '');
    if (isNext) this.#at += 1;
    return isNext;
  }

  /** Walk over one value and answer where it ends. */
  #value(path: string): number {
    const { word, end } = this.#take();
    if (word !== '{' && word !== '[') return end;
    for (let index = 0; !this.#skip('}', ']'); index += 1) {
      this.#field(path, word === '{' ? null : index);
      this.#skip(',');
    }
    return this.#tokens[this.#at - 1]?.end ?? end;
  }

  #field(parent: string, index: number | null): void {
    const start = this.#tokens[this.#at]?.start ?? 0;
    const key = index === null ? String(JSON.parse(this.#take().word)) : String(index);
    this.#skip(':');
    const path = parent === '' ? key : `${parent}.${key}`;
    const end = this.#value(path);
    this.ranges.set(path, { start, end });
  }
}
