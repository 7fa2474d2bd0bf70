// Words that belong to one place only, names and sizes of files: each a pattern, where it is allowed, and why.
import { basename } from 'node:path';
import { blank, lineAt, type SourceFile, type Violation } from './source-file.ts';

interface WordRule {
  readonly rule: string;
  readonly pattern: RegExp;
  /** Files that the rule is about; all when absent. */
  readonly within?: RegExp;
  /** Files among them that may. */
  readonly except?: RegExp;
  readonly message: string;
}

/** No I/O, clock or chance. The SDK under shared/client holds sockets and timers: it is a shell. */
const PURE = /^(shared\/(?!client\/)|(worker|ingest)\/(.+\/)?core\/|worker\/dialects\/)/;
const SOURCE = /^(worker|ingest|shared|migrations|dev)\//;

const WORD_RULES: readonly WordRule[] = [
  {
    rule: 'pure',
    pattern:
      /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.|\bconsole\.|\bset(?:Timeout|Interval|Immediate)\(|(?<![.\w])fetch\(|\bcrypto\./g,
    within: PURE,
    message: 'a pure folder has no I/O, clock or chance: pass the value in',
  },
  {
    rule: 'stubs',
    pattern: /\.(idFromName|getByName|newUniqueId|idFromString)\(/g,
    except: /^(worker\/durable\/stubs\.ts$|test\/)/,
    message: 'objects are addressed in worker/durable/stubs.ts only',
  },
  {
    rule: 'environment',
    pattern: /\bprocess\.env\b|['"]node:process['"]/g,
    except: /^(ingest\/(config|simulator\/main)\.ts$|migrations\/main\.ts$|dev\/|test\/|vitest\.config\.ts$)/,
    message: 'the environment is read in one file of each program',
  },
  {
    rule: 'sql',
    pattern: /\b(?:sql|tx)(?:<[^>`]*>)?`|\.unsafe\(/g,
    except: /^((worker|ingest)\/store\/|migrations\/|dev\/database\.ts$|test\/)/,
    message: 'SQL is in store/ and migrations/ only',
  },
  {
    rule: 'shared-promise',
    pattern: /^(?:export\s+)?(?:const|let|var)\s(?![^\n]*=>)[^\n]*\bPromise</gm,
    within: /^worker\//,
    message: 'a promise belongs to one request: requests share values and times (see core/reading-turns.ts)',
  },
  {
    rule: 'stack',
    pattern: /\.stack\b/g,
    within: SOURCE,
    except: /^ingest\/log\.ts$/,
    message: 'a stack trace never leaves the logger',
  },
  { rule: 'any', pattern: /(?<![\w$.'"])any(?![\w$'"(:?]|\s*=>)/g, message: 'name the type, or use unknown' },
  {
    rule: 'enum',
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm,
    message: 'use a union of literals: enums are not erasable',
  },
];

/** These live in comments, so they are looked for in the whole text. */
const SUPPRESSION = /biome-ignore|@ts-(?:ignore|nocheck|expect-error)|eslint-disable/g;

const FILE_LINES_MAX = 400;
const DURABLE_LINES_MAX = 250;
const EMPTY_NAMES = /^(utils?|helpers?|commons?|misc|handy)$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.(edge\.)?test|\.d|\.config)?$/;
const MIGRATION_NAME = /^\d{4}_[a-z0-9_]+$/;

function isTest(path: string): boolean {
  return path.startsWith('test/');
}

function isScript(path: string): boolean {
  return /\.(ts|js)$/.test(path);
}

function checkWords(file: SourceFile): Violation[] {
  if (!isScript(file.path)) return [];
  // The environment by its module name is a string: that rule looks at code with strings.
  const code = { bare: blank(file.text, true), withStrings: blank(file.text, false) };
  const found = WORD_RULES.flatMap(({ rule, pattern, within, except, message }) => {
    if ((within && !within.test(file.path)) || except?.test(file.path)) return [];
    const text = rule === 'environment' ? code.withStrings : code.bare;
    return [...text.matchAll(pattern)].map((match) => ({
      path: file.path,
      line: lineAt(text, match.index + (match[0].length - match[0].trimStart().length)),
      rule,
      message: `${match[0].trim()}: ${message}`,
    }));
  });
  // The rules and their samples have to spell what they look for.
  if (!SOURCE.test(file.path) || file.path.startsWith('dev/house/')) return found;
  const suppressed = [...file.text.matchAll(SUPPRESSION)].map((match) => ({
    path: file.path,
    line: lineAt(file.text, match.index),
    rule: 'suppression',
    message: `${match[0]}: mend the code, do not silence the check`,
  }));
  return [...found, ...suppressed];
}

function checkSize(file: SourceFile): Violation[] {
  if (isTest(file.path) || !isScript(file.path)) return [];
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  const linesMax = file.path.startsWith('worker/durable/') ? DURABLE_LINES_MAX : FILE_LINES_MAX;
  if (lines <= linesMax) return [];
  return [
    { path: file.path, line: linesMax + 1, rule: 'size', message: `${lines} lines of at most ${linesMax}` },
  ];
}

function checkName(file: SourceFile): Violation[] {
  const violation = (message: string) => ({ path: file.path, line: 1, rule: 'name', message });
  const stem = basename(file.path).replace(/\.[a-z]+$/, '');
  const empty = [...file.path.split('/').slice(0, -1), stem.split('.')[0] as string].find((name) =>
    EMPTY_NAMES.test(name),
  );
  if (empty !== undefined) return [violation(`${empty} names nothing: name the noun that it holds`)];
  if (!/\.(ts|js|sql|css|html)$/.test(file.path)) return [];
  const pattern = file.path.endsWith('.sql') ? MIGRATION_NAME : KEBAB_CASE;
  return pattern.test(stem)
    ? []
    : [violation(`${stem} is not ${file.path.endsWith('.sql') ? 'NNNN_words' : 'kebab-case'}`)];
}

function checkOpening(file: SourceFile): Violation[] {
  if (/\.test\.ts$/.test(file.path) || !/\.(ts|js|sql|css)$/.test(file.path)) return [];
  const opening = file.path.endsWith('.sql') ? /^-- \S/ : /^(\/\/|\/\*\*?) ?\S/;
  if (opening.test(file.text)) return [];
  return [{ path: file.path, line: 1, rule: 'opening', message: 'the first line says what the file is for' }];
}

export function checkText(file: SourceFile): Violation[] {
  return [...checkWords(file), ...checkSize(file), ...checkName(file), ...checkOpening(file)];
}
