import { expect, test } from 'vitest';
import { csvCell, writeCsv } from './csv';

test('numbers stay numbers, also negative ones; what is missing is empty', () => {
  expect([0.1, -3, NaN, -Infinity, null, undefined].map(csvCell)).toEqual(['0.1', '-3', 'NaN', '-Infinity', '', '']);
});

test('text that a spreadsheet would run is made text', () => {
  expect(['=1+1', '+a', '-a', '@a', '\ta'].map(csvCell)).toEqual(["'=1+1", "'+a", "'-a", "'@a", "'\ta"]);
  expect(csvCell('a=1')).toBe('a=1');
});

test('quotes, commas and lines are kept', () => {
  expect(csvCell('say "a, b"')).toBe('"say ""a, b"""');
  expect(csvCell('=a\nb')).toBe('"\'=a\nb"');
  expect(csvCell(true)).toBe('true');
  expect(csvCell(['a', 'b'])).toBe('"[""a"",""b""]"');
});

test('a table has its names and a line a row', () => {
  expect(writeCsv(['a', 'b'], [[1, null], ['x', '=y']])).toBe("a,b\r\n1,\r\nx,'=y\r\n");
});
