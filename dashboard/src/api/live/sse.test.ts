import { describe, expect, it } from 'vitest';
import { SseParser } from './sse';

const STREAM = 'id: 4\nevent: trial\ndata: {"a":1}\n\n: keep-alive\n\nevent: logs\ndata: x\ndata: y\n\nid: 5\ndata: plain\n\n';
const MESSAGES = [
  { id: '4', event: 'trial', data: '{"a":1}' },
  { id: '4', event: 'logs', data: 'x\ny' },
  { id: '5', event: 'message', data: 'plain' },
];

const parse = (...pieces: string[]): unknown[] => {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

describe('SseParser', () => {
  it('reads messages, comments and the id that lasts', () => expect(parse(STREAM)).toEqual(MESSAGES));

  it.each(['\n', '\r\n', '\r'])('gives the same however the text is cut, with line ends %j', (end) => {
    const stream = STREAM.replaceAll('\n', end) + (end === '\r' ? ':' : '');
    for (let cut = 0; cut <= stream.length; cut += 1) {
      expect(parse(stream.slice(0, cut), stream.slice(cut))).toEqual(MESSAGES);
    }
    expect(parse(...stream)).toEqual(MESSAGES);
  });

  it('keeps an unfinished message back', () => {
    const parser = new SseParser();
    expect(parser.push('event: trial\ndata: 1\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ id: '', event: 'trial', data: '1' }]);
  });

  it('shows nothing for an event without data', () => expect(parse('event: trial\n\ndata: 1\n\n')).toEqual([{ id: '', event: 'message', data: '1' }]));

  it('strips one space only, and takes a field without colon', () => expect(parse('data:  two\ndata\n\n')).toEqual([{ id: '', event: 'message', data: ' two\n' }]));
});
