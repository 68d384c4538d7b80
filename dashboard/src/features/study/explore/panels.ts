/** Which panels a study can show, and which one the address names. Pure. */
export type PanelName = 'slice' | 'contour' | 'rank' | 'edf' | 'front' | 'timeline';

export interface PanelEntry {
  readonly name: PanelName;
  readonly title: string;
}

/** The panels that make sense for a study, in order: a front needs two objectives. */
export function panelsFor(nObjectives: number): PanelEntry[] {
  const all: PanelEntry[] = [
    { name: 'slice', title: 'Slice' },
    { name: 'contour', title: 'Contour' },
    { name: 'rank', title: 'Rank' },
    { name: 'edf', title: 'EDF' },
    { name: 'front', title: 'Pareto front' },
    { name: 'timeline', title: 'Timeline' },
  ];
  return all.filter(({ name }) => name !== 'front' || nObjectives > 1);
}

/** The panel to open: the one named where there is such, else the front where there is one, else the first. */
export function panelNamed(panels: readonly PanelEntry[], name: string | null): PanelName {
  const named = panels.find((panel) => panel.name === name);
  return (named ?? panels.find((panel) => panel.name === 'front') ?? panels[0])?.name ?? 'slice';
}

/** Where an arrow key leads among tabs, round the ends; null for other keys. */
export function tabAfter(key: string, at: number, n: number): number | null {
  if (key === 'ArrowRight') return (at + 1) % n;
  if (key === 'ArrowLeft') return (at + n - 1) % n;
  if (key === 'Home') return 0;
  return key === 'End' ? n - 1 : null;
}

/** What a list in the address names among `known`, in the address's order; `fallback` where it names nothing known. */
export function namedAmong(text: string | null, known: readonly string[], fallback: readonly string[]): string[] {
  const named = (text ?? '').split(',').filter((name, i, all) => known.includes(name) && all.indexOf(name) === i);
  return named.length > 0 ? named : [...fallback];
}

interface Pairable {
  readonly name: string;
  readonly kind: 'number' | 'category';
  readonly values?: ArrayLike<number>;
  readonly codes?: ArrayLike<number>;
}

/** Parameters in the order in which a field over two of them says most: numbers before choices, each the most important first; those that hardly vary or are mostly inactive come last. */
export function byUse(params: readonly Pairable[], ranked: readonly string[]): string[] {
  const worth = (param: Pairable): number => (isTelling(param) ? (param.kind === 'number' ? 0 : 1) : 2);
  const place = new Map(byRank(ranked, params.map(({ name }) => name)).map((name, at) => [name, at]));
  return [...params].sort((a, b) => worth(a) - worth(b) || (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0)).map(({ name }) => name);
}

/** Whether a parameter has two values or more, and a value in at least half of the trials. */
function isTelling({ values, codes }: Pairable): boolean {
  const all = Array.from(values ?? codes ?? []);
  const known = all.filter((value) => (values ? Number.isFinite(value) : value >= 0));
  return 2 * known.length >= all.length && new Set(known).size > 1;
}

/** `names` with those of `ranked` first, in its order. */
export const byRank = (ranked: readonly string[], names: readonly string[]): string[] => [...new Set([...ranked.filter((name) => names.includes(name)), ...names])];
