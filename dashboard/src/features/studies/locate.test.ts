import { describe, expect, it } from 'vitest';
import { locate } from './locate';

const TEXT = `{
  "name": "a: {\\"b\\": [1]}",
  "search_space": {
    "learning_rate": { "type": "float", "low": 1.0, "high": 0.1 },
    "activation": { "type": "categorical", "choices": ["relu", "tanh"] }
  },
  "objectives": [
    { "metric": "val_accuracy" },
    { "metric": "nope" }
  ],
  "tags": [], "fixed": {}
}`;
const found = (path: string): string | null => {
  const place = locate(TEXT, path);
  return place ? `${place.line} ${TEXT.slice(place.start, place.end)}` : null;
};

describe('locate', () => {
  it.each([
    ['name', String.raw`2 "name": "a: {\"b\": [1]}"`],
    ['search_space.learning_rate.low', '4 "low": 1.0'],
    ['search_space.activation.choices.1', '5 "tanh"'],
    ['objectives.1.metric', '9 "metric": "nope"'],
    ['objectives[1].metric', '9 "metric": "nope"'],
    ['tags', '11 "tags": []'],
    ['fixed', '11 "fixed": {}'],
  ])('finds %s', (path, place) => expect(found(path)).toBe(place));

  it('falls back to what encloses a missing field', () => {
    expect(found('search_space.learning_rate.log')).toMatch(/^4 "learning_rate"/);
    expect(found('budget.n_trials')).toBeNull();
  });
});
