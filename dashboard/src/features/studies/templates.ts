/** Studies to begin with, one a network of the catalogue. Pure. */

interface Suited {
  readonly tasks: readonly string[];
  readonly kinds: readonly string[];
  readonly is_generative: boolean;
}

const KINDS: Readonly<Record<string, string>> = { table: 'tables', image: 'images', sequence: 'sequences', text: 'texts' };

/** Say what a network is for, e.g. `classification and regression, of tables and images`. */
export function suits({ tasks, kinds, is_generative: isGenerative }: Suited): string {
  const work = isGenerative ? 'generation' : listed(tasks.map((task) => task.replaceAll('_', ' ')));
  return `${work}, of ${listed(kinds.map((kind) => KINDS[kind] ?? kind))}`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}
