import { expect, test } from 'vitest';
import { createLogger, errorText, quote, redact } from '../../ingest/log.ts';

const JWT = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl-_x';

test.each([
  [`Bearer ${JWT}`, 'eyJ'],
  ['wss://ws.kite.trade/?api_key=abcd1234&access_token=Zz+9', 'Zz+9'],
  ['wss://ws.kite.trade/?api_key=abcd1234&access_token=Zz+9', 'abcd1234'],
  ['authorization: token abcd1234:efgh5678ijkl', 'efgh5678'],
  ['{"access_token": "Zz9Zz9", "status": "ok"}', 'Zz9Zz9'],
  ['{"id":"main","api_secret":"Zz9Zz9"}', 'Zz9Zz9'],
  ['order of trader@example.co.in placed', 'trader@example'],
])('takes the secret out of %s', (text, secret) => {
  expect(redact(text)).not.toContain(secret);
  expect(redact(text)).toContain('[redacted]');
});

test('leaves what is no secret', () => {
  const text = 'instrument_token=408065 tokens: 3000, status 502 (kitetrade-oms) NSE:NIFTY 50 @ 26000.05';
  expect(redact(text)).toBe(text);
});

function lineOf(format: 'text' | 'json', fields: Record<string, unknown>, secrets: string[] = []): string {
  const lines: string[] = [];
  const log = createLogger({
    level: 'info',
    format,
    secrets,
    write: (line) => lines.push(line),
    nowMs: () => 0,
  });
  log.debug('below the level');
  log.warn('socket lost', fields);
  expect(lines).toHaveLength(1);
  return lines[0] as string;
}

test('writes text for people and JSON for machines, one line each', () => {
  const fields = { shard: 3, reason: 'closed with 1006', none: undefined, ok: false };
  expect(lineOf('text', fields)).toBe(
    '1970-01-01T00:00:00.000Z WARN  socket lost shard=3 reason="closed with 1006" ok=false\n',
  );
  expect(JSON.parse(lineOf('json', fields))).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level: 'warn',
    message: 'socket lost',
    shard: 3,
    reason: 'closed with 1006',
    ok: false,
  });
  expect(lineOf('text', { reason: 'two\nlines' })).toBe(
    '1970-01-01T00:00:00.000Z WARN  socket lost reason="two\\nlines"\n',
  );
});

test('a field cannot pass itself off as the message', () => {
  expect(JSON.parse(lineOf('json', { message: 'all is well', level: 'info' }))).toMatchObject({
    level: 'warn',
    message: 'socket lost',
  });
});

test.each(['text', 'json'] as const)(
  'no configured secret and no secret field gets into a line (%s)',
  (format) => {
    const line = lineOf(
      format,
      {
        access_token: 'short',
        instrument_token: 408_065,
        detail: 'failed for s3cret-value',
        nested: { a: 's3cret-value' },
      },
      ['s3cret-value', 'short'],
    );
    expect(line).not.toContain('s3cret-value');
    expect(line).not.toMatch(/access_token["=:]+short/);
    expect(line).toContain('408065');
  },
);

test('an error is its message, its code and its causes, without a stack', () => {
  const error = new Error('fetch failed', {
    cause: Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' }),
  });
  expect(errorText(error)).toBe('fetch failed: connect refused (ECONNREFUSED)');
  expect(lineOf('text', { error })).not.toContain('log.test.ts');
  expect(errorText('text')).toBe('text');
});

test("somebody else's text is quoted short and on one line", () => {
  expect(quote(' a\r\n b ')).toBe('a b');
  expect(quote('x'.repeat(500))).toBe(`${'x'.repeat(200)}...`);
});

test('a secret that is learned later is kept out from then on', () => {
  const lines: string[] = [];
  const secrets = new Set<string>();
  const write = (line: string) => lines.push(line);
  const log = createLogger({ level: 'info', format: 'text', secrets, write, nowMs: () => 0 });
  secrets.add('token-of-tomorrow');
  log.info('a socket to token-of-tomorrow', { reason: 'token-of-tomorrow' });
  expect(lines.join()).not.toContain('tomorrow');
});
