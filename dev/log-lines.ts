// Readable log lines: a stream cut into lines, each with its part's name in its part's colour.
import type { Readable } from 'node:stream';
import { LOG_LINE_CHARS_MAX } from './limits.ts';

/** Calls `onLine` with every line of `stream`; an overlong one is cut and the rest of it dropped. */
export function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  let skipping = false;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = chunk.split('\n');
    for (const [index, piece] of lines.entries()) {
      if (!skipping) rest += piece;
      if (rest.length > LOG_LINE_CHARS_MAX) {
        rest = `${rest.slice(0, LOG_LINE_CHARS_MAX)} [cut]`;
        skipping = true;
      }
      if (index === lines.length - 1) break;
      onLine(rest.replace(/\r$/, ''));
      rest = '';
      skipping = false;
    }
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

const COLOURS = [36, 35, 33, 32, 34, 31] as const;
const NAME_WIDTH = 12;

export type Printer = (name: string, line: string) => void;

/** Prints "name | line"; in colour unless `colour` is false. The colour of a name is its place among `names`. */
export function createPrinter(
  names: readonly string[],
  colour: boolean,
  write: (text: string) => void,
): Printer {
  return (name, line) => {
    const index = Math.max(0, names.indexOf(name));
    const label = name.padEnd(NAME_WIDTH);
    const prefix = colour ? `\u001b[${COLOURS[index % COLOURS.length]}m${label}|\u001b[0m` : `${label}|`;
    write(`${prefix} ${line}\n`);
  };
}

/** Colour is for people: not for files and pipes, nor where NO_COLOR says so. */
export function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !env.NO_COLOR;
}
