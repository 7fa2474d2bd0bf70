import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isOriginAllowed } from '../../../worker/core/origin.ts';

const EDGE = { protocol: 'https:', host: 'edge.example.com' };

function allowed(origin: string | null, list: string | undefined, request = EDGE): boolean {
  return isOriginAllowed(origin, request, list);
}

test('who sends no Origin is no browser, and is never refused', () => {
  for (const list of [undefined, '', 'https://app.example.com', '*']) expect(allowed(null, list)).toBe(true);
});

describe.each([undefined, '', ' , '])('without a list (%j)', (list) => {
  test.each([
    ['https://edge.example.com', true],
    ['https://EDGE.example.com', true],
    ['https://edge.example.com:443', true],
    // TLS may end before us: the request's own scheme says nothing of the page's.
    ['http://edge.example.com', true],
    ['https://edge.example.com:8443', false],
    ['https://example.com', false],
    ['https://edge.example.com.evil.com', false],
    ['https://evil.com', false],
    ['https://evil.com#edge.example.com', false],
    ['https://edge.example.com@evil.com', false],
    ['https://edge.example.com/path', false],
    ['null', false],
    ['', false],
    ['edge.example.com', false],
  ])('%s: %s', (origin, expected) => {
    expect(allowed(origin, list)).toBe(expected);
  });
  test('the port counts', () => {
    const local = { protocol: 'http:', host: '127.0.0.1:8787' };
    expect(allowed('http://127.0.0.1:8787', list, local)).toBe(true);
    expect(allowed('http://127.0.0.1:8788', list, local)).toBe(false);
    expect(allowed('http://127.0.0.1', list, local)).toBe(false);
    expect(allowed('http://[::1]:8787', list, { protocol: 'http:', host: '[::1]:8787' })).toBe(true);
  });
});

describe('with a list', () => {
  const LIST =
    'https://app.example.com, *.trading.example.com,http://localhost:5173,capacitor://app, http://*.lan.test:81';
  test.each([
    ['https://app.example.com', true],
    ['HTTPS://App.Example.Com', true],
    ['https://app.example.com:443', true],
    ['http://app.example.com', false],
    ['https://app.example.com:8443', false],
    ['https://www.app.example.com', false],
    ['https://a.trading.example.com', true],
    ['https://a.b.trading.example.com', true],
    ['https://trading.example.com', false],
    ['https://eviltrading.example.com', false],
    ['https://evil-trading.example.com', false],
    ['https://a.trading.example.com.evil.com', false],
    ['http://a.trading.example.com', false],
    ['https://a.trading.example.com:444', false],
    ['http://localhost:5173', true],
    ['http://localhost', false],
    ['capacitor://app', true],
    ['http://pc.lan.test:81', true],
    ['http://pc.lan.test', false],
    // A list replaces the rule of the same host: it is complete as it stands.
    ['https://edge.example.com', false],
    ['null', false],
  ])('%s: %s', (origin, expected) => {
    expect(allowed(origin, LIST)).toBe(expected);
  });

  test('a star lets in every page, also one without an origin', () => {
    for (const origin of ['null', 'https://evil.com', 'not an origin'])
      expect(allowed(origin, 'x.test, *')).toBe(true);
  });

  test.each(['*.com', '*', '**.example.com', 'https://*', 'a.*.example.com', '*example.com', '*.', '*..com'])(
    'the wildcard %s never means more than it says',
    (entry) => {
      if (entry === '*') return expect(allowed('https://evil.com', entry)).toBe(true);
      expect(() => allowed('https://evil.com', entry)).toThrow(`ALLOWED_ORIGINS: ${JSON.stringify(entry)}`);
    },
  );

  test.each(['https://', 'https://a b', 'https://app.example.com/', 'app.example.com/path', 'user@host.com'])(
    'the entry %s is an error, whoever asks',
    (entry) => {
      expect(() => allowed(null, `https://good.test,${entry}`)).toThrow(JSON.stringify(entry));
    },
  );
});

test('a wildcard matches what ends in its name behind a dot, and nothing else', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
      const host = labels.join('.');
      const expected = labels.length > 2 && labels.slice(-2).join('.') === 'example.com';
      expect(allowed(`https://${host}`, '*.example.com')).toBe(expected);
      expect(allowed(`https://${host}.example.com`, '*.example.com')).toBe(true);
      expect(allowed(`https://${host}example.com`, '*.example.com')).toBe(false);
    }),
  );
});
