/** A choice of trials in the address: `1,5,7`. Pure. */

/** So many trials stand in an address; a brush stands there as its ranges, however many it takes. */
export const MAX_IN_ADDRESS = 50;

/** Read trial numbers; null where there is no choice. What is no number is left out. */
export function readChosen(text: string | null): ReadonlySet<number> | null {
  const numbers = (text ?? '').split(',').filter((part) => /^\d{1,9}$/.test(part));
  return numbers.length > 0 ? new Set(numbers.map(Number)) : null;
}

/** Write a choice for the address; null where there is none, or where it is too long to stand there. */
export function writeChosen(chosen: ReadonlySet<number> | null): string | null {
  if (chosen === null || chosen.size === 0 || chosen.size > MAX_IN_ADDRESS) return null;
  return [...chosen].sort((a, b) => a - b).join(',');
}
