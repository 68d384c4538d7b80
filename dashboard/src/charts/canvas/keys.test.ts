import { describe, expect, it } from 'vitest';
import { keysOf, toggled, walked } from './keys';

describe('keysOf', () => {
  const press = (key: string, up: number): string[] => {
    const heard: string[] = [];
    const say = (name: string) => (value?: number): void => void heard.push(`${name} ${value ?? ''}`.trim());
    keysOf({ step: say('step'), pick: say('pick'), toggle: say('toggle'), zoom: say('zoom'), escape: say('escape') }, up)[key]?.();
    return heard;
  };

  it.each([
    ['ArrowRight', 'step 1'],
    ['ArrowUp', 'step 10'],
    ['ArrowDown', 'step -10'],
    ['Enter', 'pick'],
    [' ', 'toggle'],
    ['+', 'zoom 0.6'],
    ['Escape', 'escape'],
  ])('%s', (key, heard) => expect(press(key, 10)).toEqual([heard]));

  it('turns up and down where rows count from the top', () => expect(press('ArrowUp', -10)).toEqual(['step -10']));

  it('leaves other keys to the page', () => expect(press('Tab', 10)).toEqual([]));
});

describe('toggled', () => {
  it('adds and takes away', () => {
    expect(toggled(null, 3)).toEqual([3]);
    expect(toggled(new Set([1, 3]), 3)).toEqual([1]);
    expect(toggled(new Set([3]), 3)).toEqual([]);
  });
});

describe('walked', () => {
  it('begins at an end and stays between the ends', () => {
    expect([walked(-1, 1, 5), walked(-1, -10, 5)]).toEqual([0, 4]);
    expect([walked(2, 10, 5), walked(2, -10, 5), walked(2, 1, 5)]).toEqual([4, 0, 3]);
  });
});
