/** Images that travel as bytes: from base64 to what a canvas takes. Pure. */

export interface Packed {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly labels: readonly string[];
  /** n * channels * height * width bytes, base64. */
  readonly pixels: string;
}

export interface Tile {
  readonly label: string;
  /** height * width * 4 bytes. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Unpack images of one channel (grey) or three (red, green, blue). Those whose bytes are not all there are left out. */
export function tilesOf({ channels, height, width, labels, pixels }: Packed): readonly Tile[] {
  const bytes = Uint8Array.from(atob(pixels), (sign) => sign.charCodeAt(0));
  const size = height * width;
  const n = Math.min(labels.length, Math.floor(bytes.length / (channels * size)));
  return labels.slice(0, n).map((label, i) => ({ label, rgba: paint(bytes.subarray(i * channels * size), size, channels) }));
}

function paint(bytes: Uint8Array, size: number, channels: number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(size * 4).fill(255);
  for (let at = 0; at < size; at += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      rgba[at * 4 + colour] = bytes[(channels === 1 ? 0 : colour) * size + at] ?? 0;
    }
  }
  return rgba;
}
