import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { LOG_LINE_CHARS_MAX } from '../../dev/limits.ts';
import { createPrinter, readLines, wantsColour } from '../../dev/log-lines.ts';

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  readLines(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  const ended = new Promise((resolve) => stream.once('end', resolve));
  stream.end();
  await ended;
  return lines;
}

test('lines are whole whatever the chunks, and the last one needs no end', async () => {
  const euro = Buffer.from('€');
  expect(await linesOf('a', 'b\nc\r\n', '\nd', euro.subarray(0, 1), euro.subarray(1))).toEqual([
    'ab',
    'c',
    '',
    'd€',
  ]);
});

test('a runaway line is cut once and the next line is read', async () => {
  const long = 'x'.repeat(LOG_LINE_CHARS_MAX);
  const lines = await linesOf(long, long, long, '\nnext\n');
  expect(lines).toEqual([`${long} [cut]`, 'next']);
});

test('each name has its colour, and none where there is none', () => {
  const written: string[] = [];
  createPrinter(['dev', 'sidecar'], true, (text) => written.push(text))('sidecar', 'hello');
  createPrinter(['dev', 'sidecar'], false, (text) => written.push(text))('sidecar', 'hello');
  expect(written).toEqual(['\u001b[35msidecar     |\u001b[0m hello\n', 'sidecar     | hello\n']);
  expect(wantsColour({ isTTY: true }, {})).toBe(true);
  expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColour({}, {})).toBe(false);
});
