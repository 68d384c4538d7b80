/** Numbers that look random and are always the same. */

/** Uniform numbers from 0 to below 1. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, with 32 bits. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Nearly normal numbers of mean 0 and deviation 1: sums of twelve uniform ones. */
export function noise(next: () => number): () => number {
  return () => Array.from({ length: 12 }, next).reduce((sum, one) => sum + one, -6);
}
