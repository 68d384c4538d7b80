/** JSON has no NaN and no infinities: the server writes them as the strings "NaN", "Infinity" and "-Infinity". */
export function readNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : NaN;
}

export function readNumbers(values: readonly unknown[]): number[] {
  return values.map(readNumber);
}
