// A source file as the house rules see it: its path, its text, and its code with comments and strings blanked out.

export interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

export interface ImportLine {
  readonly specifier: string;
  readonly line: number;
}

/**
 * Blanks comments, and strings too if asked, with spaces; line breaks stay, so that lines keep their numbers.
 * A slash starts a regular expression where a value cannot have ended: good enough for formatted code.
 */
export function blank(text: string, strings: boolean): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=(?:[=(,:[!&|?{};]|=>|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//g;
  return text.replace(token, (match) => {
    const isComment = match.startsWith('//') || match.startsWith('/*');
    if (!isComment && !strings) return match;
    if (isComment) return match.replace(/[^\n]/g, ' ');
    // A template keeps what it computes: only the text between its holes goes.
    if (match.startsWith('`')) return blankTemplate(match);
    return match[0] + match.slice(1, -1).replace(/[^\n]/g, ' ') + match[0];
  });
}

function blankTemplate(template: string): string {
  let depth = 0;
  let out = '';
  for (let at = 0; at < template.length; at++) {
    const char = template[at] as string;
    if (depth === 0 && template.startsWith('${', at)) {
      depth = 1;
      out += '${';
      at++;
      continue;
    }
    if (depth > 0 && char === '{') depth++;
    if (depth > 0 && char === '}') depth--;
    const isEdge = at === 0 || at === template.length - 1;
    out += isEdge || depth > 0 || char === '\n' || char === '}' ? char : ' ';
  }
  return out;
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Every module that the file imports or re-exports, dynamic imports of a literal included. */
export function importsOf(file: SourceFile): ImportLine[] {
  const code = blank(file.text, false);
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => ({
    specifier: match[2] as string,
    line: lineAt(code, match.index),
  }));
}
