import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tellEnd } from './words';

interface Document {
  readonly components: { readonly schemas: { readonly AttemptState: { readonly enum: readonly string[] } } };
}

it('has a sentence for each way an attempt can end', () => {
  const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as Document;
  const states = document.components.schemas.AttemptState.enum;
  expect(states.length).toBeGreaterThan(8);
  for (const state of states) expect(tellEnd(state)).toMatch(/^[A-Z].+\.$/);
});

it('shows a state of a newer server as it is', () => expect(tellEnd('EATEN')).toBe('EATEN'));
