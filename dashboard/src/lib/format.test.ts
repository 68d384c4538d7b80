import { describe, expect, it } from 'vitest';
import { formatBytes, formatClock, formatCount, formatDuration, formatMoment, formatNumber, formatParam, formatRelative } from './format';

describe('formatNumber', () => {
  it.each([
    [0.98765432, '0.9877'],
    [0.1, '0.1'],
    [0.0001, '1e−4'],
    [0.000123456, '1.235e−4'],
    [-0.5, '−0.5'],
    [20, '20'],
    [999_999, '999999'],
    [12_345_678, '1.235e7'],
    [1234.56, '1235'],
    [0, '0'],
  ])('writes %s with at most 4 significant digits', (value, text) => expect(formatNumber(value)).toBe(text));

  it.each([
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '−∞'],
    [null, '–'],
    [undefined, '–'],
  ])('names %s', (value, text) => expect(formatNumber(value)).toBe(text));
});

it('writes hyperparameters of every type', () => {
  expect([0.01, 'relu', true, null, undefined].map(formatParam)).toEqual(['0.01', 'relu', 'true', 'null', '–']);
});

it('groups thousands', () => {
  expect([7, 1000, 1234567].map(formatCount)).toEqual(['7', '1\u202f000', '1\u202f234\u202f567']);
});

it('writes sizes with binary units', () => {
  expect([0, 1023, 1024, 53_231, 5 * 1024 ** 3].map(formatBytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '52 KiB', '5.0 GiB']);
});

it('writes spans as their two largest units', () => {
  expect([0.25, 42.4, 75, 3840, 90_000, null, NaN].map(formatDuration)).toEqual([
    '0.3 s',
    '42 s',
    '1 min 15 s',
    '1 h 04 min',
    '1 d 1 h',
    '–',
    '–',
  ]);
});

it('says how long ago', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const at = ['2026-03-01T11:59:30Z', '2026-03-01T11:55:00Z', '2026-03-01T09:00:00Z', '2026-02-20T12:00:00Z'];
  expect(at.map((moment) => formatRelative(moment, now))).toEqual(['just now', '5 minutes ago', '3 hours ago', '9 days ago']);
});

it('writes times in the zone of the reader', () => {
  const at = '2026-03-01T23:30:00Z';
  expect(formatMoment(at, 'en-GB', 'Asia/Tokyo')).toContain('02 Mar 2026');
  expect(formatMoment(at, 'en-GB', 'UTC')).toContain('01 Mar 2026');
  expect(formatClock(at, 'Asia/Tokyo')).toBe('08:30:00');
});
