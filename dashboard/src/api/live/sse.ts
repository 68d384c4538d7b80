/** Reading `text/event-stream`. Source: HTML Living Standard, 9.2.6 "Interpreting an event stream". */
export interface SseMessage {
  /** The last id seen on the stream; empty where none was. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Turns pieces of text, cut anywhere, into whole messages. */
export class SseParser {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  /** Take the next piece; answer the messages that it completes. */
  push(piece: string): SseMessage[] {
    const text = this.#rest + piece;
    // A lone CR at the very end may be the first half of CRLF: keep it for the next piece.
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(end);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): SseMessage[] {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return []; // a comment, such as keep-alive
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    return [];
  }

  #dispatch(): SseMessage[] {
    const event = this.#event === '' ? 'message' : this.#event;
    const data = this.#data;
    this.#event = '';
    this.#data = [];
    return data.length === 0 ? [] : [{ id: this.#id, event, data: data.join('\n') }];
  }
}
