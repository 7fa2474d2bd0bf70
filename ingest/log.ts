// Structured log lines on one stream, as text or JSON, with whatever identifies or authorises somebody taken out.
import { LOG_QUOTE_CHARS_MAX } from '../shared/limits.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'text' | 'json';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /**
   * Texts that must never appear, such as the configured keys; those under eight characters are too common to look for.
   * Read at each line: one that is added later is kept out from then on.
   */
  readonly secrets: Iterable<string>;
  readonly write: (line: string) => void;
  readonly nowMs: () => number;
}

const SECRET_CHARS_MIN = 8;
const REDACTED = '[redacted]';
/** Field names whose values are not shown. `instrument_token` and counts of tokens are not secrets. */
const SECRET_FIELD =
  /(?:^|_)(?:secret|password|authorization|signature|checksum|api_key|access_token|request_token)$/i;
const SECRET_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?/g, REDACTED],
  [
    /([?&\s](?:api_key|api_secret|access_token|request_token|token|checksum|enctoken)=)[^&\s"]+/gi,
    `$1${REDACTED}`,
  ],
  [/("(?:api_key|api_secret|access_token|request_token|enctoken|password)"\s*:\s*")[^"]*/gi, `$1${REDACTED}`],
  [/\b(bearer|token) [\w.:+/=-]{16,}/gi, `$1 ${REDACTED}`],
  [/[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g, REDACTED],
];

/** The text without tokens, keys and e-mail addresses. */
export function redact(text: string, secrets: Iterable<string> = []): string {
  let redacted = text;
  for (const secret of secrets) {
    if (secret.length >= SECRET_CHARS_MIN) redacted = redacted.replaceAll(secret, REDACTED);
  }
  for (const [pattern, replacement] of SECRET_TEXTS) redacted = redacted.replace(pattern, replacement);
  return redacted;
}

/** The messages of an error and of what caused it. No stack: it tells an operator nothing and an attacker too much. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  const text = `${error.message || error.name}${code}`;
  return error.cause === undefined ? text : `${text}: ${errorText(error.cause)}`;
}

/** The first characters of somebody else's text, on one line. */
export function quote(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LOG_QUOTE_CHARS_MAX ? `${line.slice(0, LOG_QUOTE_CHARS_MAX)}...` : line;
}

export function createLogger(options: LoggerOptions): Logger {
  const levelMin = LOG_LEVELS.indexOf(options.level);
  const clean = (name: string, value: unknown): unknown => {
    if (SECRET_FIELD.test(name)) return REDACTED;
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
    if (value instanceof Error) return redact(errorText(value), options.secrets);
    return redact(typeof value === 'string' ? value : JSON.stringify(value), options.secrets);
  };
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < levelMin) return;
    const time = new Date(options.nowMs()).toISOString();
    const text = redact(message, options.secrets);
    const entries = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, clean(name, value)] as const);
    if (options.format === 'json') {
      const own = { time, level, message: text };
      // Own keys first and last: first for their place, last so that no field can replace them.
      options.write(`${JSON.stringify({ ...own, ...Object.fromEntries(entries), ...own })}\n`);
      return;
    }
    const details = entries.map(([name, value]) => ` ${name}=${textValue(value)}`).join('');
    options.write(`${time} ${level.toUpperCase().padEnd(5)} ${text}${details}\n`);
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

function textValue(value: unknown): string {
  const text = String(value);
  return typeof value === 'string' && /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}
