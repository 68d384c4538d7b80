import { describe, expect, it } from 'vitest';
import { backoffMs, followEvents, type LinkStatus } from './stream';

/** A server that answers each connection with the next of some texts or statuses; asked once more, it ends the test. */
function follow(answers: (string | number)[], lastId: string | null = null) {
  const stop = new AbortController();
  const asked: (string | null)[] = [];
  const heard: string[] = [];
  const statuses: LinkStatus[] = [];
  const pauses: number[] = [];
  const fetch = (request: Request): Promise<Response> => {
    asked.push(request.headers.get('Last-Event-ID'));
    const answer = answers.shift();
    if (answer === undefined) stop.abort();
    if (typeof answer === 'number') return Promise.resolve(new Response('', { status: answer }));
    return answer === undefined ? Promise.reject(new TypeError('away')) : Promise.resolve(new Response(answer));
  };
  const done = followEvents({
    url: 'http://127.0.0.1/events',
    fetch,
    lastId,
    onMessage: (message) => heard.push(`${message.id}:${message.event}`),
    onStatus: (status) => statuses.push(status),
    signal: stop.signal,
    pause: (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    },
    random: () => 1,
  });
  return done.then(() => ({ asked, heard, statuses, pauses }));
}

const message = (id: number, event: string): string => `id: ${id}\nevent: ${event}\ndata: {}\n\n`;

describe('followEvents', () => {
  it('resumes behind the last message it saw', async () => {
    const { asked, heard } = await follow([message(10, 'hello') + message(11, 'trial'), message(12, 'hello') + message(12, 'trial')]);
    expect(asked).toEqual([null, '11', '12']);
    expect(heard).toEqual(['10:hello', '11:trial', '12:hello', '12:trial']);
  });

  it('does not take the greeting of a resumed stream for something it has seen', async () => {
    const { asked } = await follow([message(10, 'hello'), message(99, 'hello')]);
    expect(asked).toEqual([null, '10', '10']);
  });

  it('starts where another tab left off', async () => {
    const { asked } = await follow([message(7, 'hello') + message(8, 'trial')], '7');
    expect(asked).toEqual(['7', '8']);
  });

  it('waits longer after each failure, and starts over once it was live', async () => {
    const { statuses, pauses } = await follow([503, 503, message(1, 'hello'), 503]);
    expect(pauses).toEqual([500, 1000, 500, 1000]);
    expect(statuses).toEqual(['reconnecting', 'reconnecting', 'live', 'reconnecting', 'reconnecting']);
  });
});

it('backs off up to a limit, spread over half of it', () => {
  expect([1, 2, 3, 10].map((n) => backoffMs(n, () => 1))).toEqual([500, 1000, 2000, 15_000]);
  expect(backoffMs(1, () => 0)).toBe(250);
});
