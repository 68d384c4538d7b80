import { describe, expect, it } from 'vitest';
import { tilesOf } from './pixels';

const pack = (bytes: readonly number[]): string => btoa(String.fromCharCode(...bytes));

describe('tilesOf', () => {
  it('paints grey', () => {
    const tiles = tilesOf({ channels: 1, height: 1, width: 2, labels: ['3', '8'], pixels: pack([0, 255, 7, 9]) });
    expect(tiles.map(({ label }) => label)).toEqual(['3', '8']);
    expect([...(tiles[1]?.rgba ?? [])]).toEqual([7, 7, 7, 255, 9, 9, 9, 255]);
  });

  it('paints colours, whose planes follow each other', () => {
    const [tile] = tilesOf({ channels: 3, height: 1, width: 2, labels: ['x'], pixels: pack([1, 2, 30, 40, 100, 200]) });
    expect([...(tile?.rgba ?? [])]).toEqual([1, 30, 100, 255, 2, 40, 200, 255]);
  });

  it('leaves out what is cut off', () => {
    expect(tilesOf({ channels: 1, height: 1, width: 2, labels: ['a', 'b'], pixels: pack([1, 2, 3]) })).toHaveLength(1);
    expect(tilesOf({ channels: 1, height: 2, width: 2, labels: [], pixels: '' })).toEqual([]);
  });
});
