import { describe, expect, it } from 'vitest';
import { usersOf } from './uses';

const study = (name: string, state: string): { name: string; state: string } => ({ name, state });

describe('usersOf', () => {
  it('says that nobody uses it', () => expect(usersOf({ n_studies: 0, studies: [] })).toBe('No study uses it.'));

  it('says that studies have ended', () => {
    expect(usersOf({ n_studies: 1, studies: [study('a', 'COMPLETE')] })).toBe('1 study uses it. It has ended and keeps its results.');
    expect(usersOf({ n_studies: 1200, studies: [study('a', 'FAILED')] })).toContain('They have ended');
  });

  it('names those that need it', () => {
    expect(usersOf({ n_studies: 2, studies: [study('a', 'COMPLETE'), study('b', 'PAUSED')] })).toBe('2 studies use it. Not over yet: b. Stop it first.');
    const many = Array.from({ length: 7 }, (_, i) => study(`s${i}`, 'RUNNING'));
    expect(usersOf({ n_studies: 7, studies: many })).toContain('s0, s1, s2, s3, s4 and 2 more. Stop them first.');
  });
});
