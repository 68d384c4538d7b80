import { describe, expect, it } from 'vitest';
import { drawCurves, type Curve } from './curves';
import { bandAhead, drawForecasts, expecting, MAX_BANDS, tellChance, type Forecast } from './forecast';
import { chartColours, faint } from './palette';

const colours = chartColours('light');
const forecast = (chance: number | null, steps: number[]): Forecast => ({
  step: 2,
  chance,
  band: { steps, low: steps.map((s) => s / 10 - 0.05), middle: steps.map((s) => s / 10), high: steps.map((s) => s / 10 + 0.05) },
});
const running = (id: number, chance: number | null, more: Partial<Curve> = {}): Curve => ({
  id,
  label: `Trial ${id}`,
  state: 'RUNNING',
  steps: [1, 2],
  values: [0.1, 0.2],
  forecast: forecast(chance, [3, 6, 9]),
  ...more,
});

describe('bandAhead', () => {
  it('begins at the last point', () => {
    const band = bandAhead(running(1, 0.5));
    expect(band?.steps).toEqual([2, 3, 6, 9]);
    expect([band?.low[0], band?.middle[0], band?.high[0]]).toEqual([0.2, 0.2, 0.2]);
  });

  it('leaves out what the curve has passed since', () => {
    expect(bandAhead(running(1, 0.5, { steps: [1, 6], values: [0.1, 0.6] }))?.steps).toEqual([6, 9]);
    expect(bandAhead(running(1, 0.5, { steps: [1, 9], values: [0.1, 0.9] }))).toBeNull();
  });

  it('stands alone where the last value is no number', () => {
    expect(bandAhead(running(1, 0.5, { values: [0.1, NaN] }))?.steps).toEqual([3, 6, 9]);
  });
});

describe('expecting', () => {
  it('takes running trials with a band, the likely winners first', () => {
    const ended = running(4, 0.9, { state: 'PRUNED' });
    const plain = running(5, 0.9, { forecast: null });
    expect(expecting([running(1, 0.2), running(2, 0.7), ended, plain, running(3, null)]).map(({ id }) => id)).toEqual([2, 1, 3]);
  });

  it('takes no more than can be told apart', () => {
    const many = Array.from({ length: 12 }, (_, i) => running(i, i / 12));
    expect(expecting(many).map(({ id }) => id)).toEqual([11, 10, 9, 8, 7].slice(0, MAX_BANDS));
  });
});

describe('drawForecasts', () => {
  it('puts a band between its outer lines, by their place among all lines', () => {
    const { lines, bands } = drawForecasts([running(1, 0.5), running(2, 0.4)], [1, 2, 3, 6, 9], 7, colours);
    expect(lines).toHaveLength(6);
    expect(bands.map(({ upper, lower }) => [upper, lower])).toEqual([[9, 7], [12, 10]]);
    expect(lines[1]?.values).toEqual([undefined, 0.2, 0.3, 0.6, 0.9]);
    expect(lines[1]?.dash).toBeDefined();
  });
});

describe('drawCurves', () => {
  it('reaches as far as the bands and says so', () => {
    const picture = drawCurves([running(1, 0.5)], { metric: 'm', colours });
    expect(picture.xs).toEqual([1, 2, 3, 6, 9]);
    const [band] = picture.bands ?? [];
    expect(picture.lines[band?.lower ?? -1]?.values.at(-1)).toBeCloseTo(0.85);
    expect(picture.lines[band?.upper ?? -1]?.values.at(-1)).toBeCloseTo(0.95);
    expect(picture.summary).toContain('Bands show where 1 of them is expected to go.');
  });

  it('draws no band for who has none', () => {
    const picture = drawCurves([running(1, null, { forecast: null })], { metric: 'm', colours });
    expect(picture.bands).toEqual([]);
    expect(picture.summary).not.toContain('Bands');
  });
});

it('lets what lies behind a band shine through, in both themes', () => {
  expect(faint('#0072b2', 0.16)).toBe('rgba(0, 114, 178, 0.16)');
  for (const theme of ['light', 'dark'] as const) {
    for (const colour of chartColours(theme).lines) expect(faint(colour, 0.5)).toMatch(/^rgba\(\d+, \d+, \d+, 0.5\)$/);
  }
});

describe('tellChance', () => {
  it('says how likely, and when that was judged', () => {
    expect(tellChance(forecast(0.123, [3]))).toBe('12 % to end better than the best completed trial, judged at step 2');
  });

  it('claims no certainty', () => {
    expect(tellChance(forecast(0.0004, [3]))).toMatch(/^less than 1 %/);
    expect(tellChance(forecast(0.9996, [3]))).toMatch(/^more than 99 %/);
  });

  it('is silent where nobody knows', () => {
    expect(tellChance(forecast(null, [3]))).toBe('');
    expect(tellChance(null)).toBe('');
  });
});
