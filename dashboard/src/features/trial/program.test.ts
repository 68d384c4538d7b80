import { describe, expect, it } from 'vitest';

import type { Study } from '$api/types';

import { programOf } from './program';

const spec = (changes: object): Study['spec'] => changes as Study['spec'];

describe('programOf', () => {
  it('is nothing for networks', () => expect(programOf(spec({ command: null }))).toBeNull());

  it('says the command as a shell takes it', () => {
    const found = programOf(spec({ command: ['python', 'train.py', '--lr={rate}', "a b'c"], venv: '.venv' }));
    expect(found).toEqual({
      command: `python train.py --lr={rate} 'a b'\\''c'`,
      venv: '.venv',
      archive: null,
      repository: null,
    });
  });

  it('links repositories that a browser can open, and no others', () => {
    const of = (git: string) => programOf(spec({ command: ['x'], source: { git, commit: 'f'.repeat(40) } }))?.repository;
    expect(of('https://git.example.org/a.git')).toEqual({
      address: 'https://git.example.org/a.git',
      url: 'https://git.example.org/a',
      commit: 'f'.repeat(40),
      subfolder: null,
    });
    expect(of('javascript:alert(1)')?.url).toBeNull();
    expect(of('git@git.example.org:a.git')?.url).toBeNull();
    expect(of('https://')?.url).toBeNull();
  });
});
