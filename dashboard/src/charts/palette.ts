/**
 * Colours of charts, for both themes. Source: Okabe and Ito, "Color Universal Design", 2008: eight colours that people
 * with any kind of colour vision tell apart. Its yellow is darkened on white, its black replaced.
 */
export interface ChartColours {
  readonly lines: readonly string[];
  /** The best trial and the best-so-far line. */
  readonly best: string;
  /** Finished trials that are not singled out. */
  readonly quiet: string;
  /** Pruned trials. */
  readonly faded: string;
  readonly bad: string;
  readonly text: string;
  readonly grid: string;
}

const LIGHT: ChartColours = {
  lines: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b58900', '#2f9fd8', '#e69f00'],
  best: '#12202e',
  quiet: 'rgba(88, 104, 120, 0.45)',
  faded: 'rgba(88, 104, 120, 0.22)',
  bad: '#d55e00',
  text: '#55616d',
  grid: 'rgba(80, 100, 120, 0.13)',
};

const DARK: ChartColours = {
  lines: ['#4aa8e0', '#f08a4b', '#2fc79a', '#e39ac4', '#f0e442', '#56b4e9', '#e69f00'],
  best: '#f4f7fa',
  quiet: 'rgba(160, 176, 192, 0.45)',
  faded: 'rgba(160, 176, 192, 0.22)',
  bad: '#f08a4b',
  text: '#9aa8b6',
  grid: 'rgba(160, 180, 200, 0.13)',
};

export const chartColours = (theme: 'light' | 'dark'): ChartColours => (theme === 'dark' ? DARK : LIGHT);

/** A colour of `lines`, seen through: `alpha` from 0 to 1. */
export function faint(colour: string, alpha: number): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

/** A line's colour: always the same for the same id, whatever else is on the chart. */
export function colourOf(id: number, colours: ChartColours): string {
  // Knuth's multiplicative hash spreads neighbouring ids over the palette.
  const hash = Math.imul(id + 1, 2654435761) >>> 0;
  return colours.lines[hash % colours.lines.length] ?? colours.best;
}
