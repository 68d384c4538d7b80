import { expect, test } from 'vitest';
import { Serial } from './serial';

/** Work whose runs end when told to. */
function held(): { serial: Serial; begun: () => number; end: () => void } {
  let n = 0;
  const ends: (() => void)[] = [];
  const serial = new Serial(() => {
    n += 1;
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  return { serial, begun: () => n, end: () => ends.shift()?.() };
}
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test('calls while it runs are one more run, after this one', async () => {
  const { serial, begun, end } = held();
  const first = serial.run();
  const others = [serial.run(), serial.run()];
  expect(begun()).toBe(1);
  end();
  await first;
  await soon();
  expect(begun()).toBe(2);
  end();
  await Promise.all(others);
  await soon();
  expect(begun()).toBe(2);
});

test('a call after a run is a run at once', async () => {
  const { serial, begun, end } = held();
  const first = serial.run();
  end();
  await first;
  void serial.run();
  expect(begun()).toBe(2);
});
