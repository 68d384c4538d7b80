import { expect, it } from 'vitest';
import type { Artifact } from '$api/types';
import { describe, MAX_PREVIEW_BYTES, parseCsv, prettyJson, previewOf } from './preview';

const artifact = (changes: Partial<Artifact>): Artifact => ({
  artifact_id: 1,
  name: 'a.bin',
  kind: 'file',
  step: null,
  sha256: '',
  n_bytes: 10,
  media_type: 'application/octet-stream',
  created_at: '2026-01-01T00:00:00Z',
  ...changes,
});

it('shows what the server calls harmless, and no more', () => {
  expect(previewOf(artifact({ media_type: 'image/png' }))).toBe('image');
  expect(previewOf(artifact({ media_type: 'text/csv; charset=utf-8' }))).toBe('table');
  expect(previewOf(artifact({ media_type: 'image/svg+xml' }))).toBeNull();
  expect(previewOf(artifact({ media_type: 'text/html' }))).toBeNull();
  expect(previewOf(artifact({}))).toBeNull();
  expect(previewOf(artifact({ media_type: 'image/png', n_bytes: MAX_PREVIEW_BYTES + 1 }))).toBeNull();
});

it('names known files, kinds, and the endings of others', () => {
  expect(describe(artifact({ name: 'model.onnx', kind: 'network' }))).toBe('network, runs anywhere (ONNX)');
  expect(describe(artifact({ name: 'mine.bin', kind: 'network' }))).toBe('network');
  expect(describe(artifact({ name: 'x.npz' }))).toBe('NPZ file');
  expect(describe(artifact({ name: 'LICENCE' }))).toBe('file');
});

it('reads tables with quotes, empty fields and any line ends', () => {
  expect(parseCsv('a,b\r\n1,"x, ""y""\nz"\n,\n')).toEqual([['a', 'b'], ['1', 'x, "y"\nz'], ['', '']]);
  expect(parseCsv('a,b')).toEqual([['a', 'b']]);
  expect(parseCsv('')).toEqual([]);
  expect(parseCsv('a\nb\nc', 2)).toEqual([['a'], ['b']]);
  expect(parseCsv('a,"broken\nb')).toEqual([['a']]);
});

it('indents JSON and leaves other text alone', () => {
  expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(prettyJson('{"a":')).toBe('{"a":');
});
