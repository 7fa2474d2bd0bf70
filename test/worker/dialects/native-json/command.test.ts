// Native JSON requests with options: what each field may be, what a bad item costs the others, and hostile input.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLIENT_COMMAND_ID_CHARS_MAX,
  CLIENT_MESSAGE_CHARS_MAX,
  CLIENT_SYMBOL_CHARS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
} from '../../../../shared/limits.ts';
import { type ClientCommand, SPEEDS } from '../../../../worker/core/protocol.ts';
import { parseCommand } from '../../../../worker/dialects/native-json/command.ts';
import { nativeJson } from '../../../../worker/dialects/native-json.ts';

type Command<Kind extends ClientCommand['kind']> = Extract<ClientCommand, { kind: Kind }>;

/** Parses a message, an object or its text, that has to be a command of the kind. */
function parsed<Kind extends ClientCommand['kind']>(kind: Kind, message: unknown): Command<Kind> {
  const command = parseCommand(typeof message === 'string' ? message : JSON.stringify(message));
  if (command.kind !== kind) throw new Error(`${kind} expected, got ${JSON.stringify(command)}`);
  return command as Command<Kind>;
}

function subscribe(fields: object): Command<'subscribe'> {
  return parsed('subscribe', { action: 'subscribe', ...fields });
}

function refusal(fields: object): Command<'refused'> {
  return parsed('refused', { action: 'subscribe', ...fields });
}

const symbolText = (symbol: string) => `symbol must look like NSE:RELIANCE, got ${symbol}`;
const tokenText = (token: string) => `instrument token must be an integer from 1 to 4294967295, got ${token}`;

describe('mode and speed of a whole request', () => {
  test('without any: full, at once', () => {
    expect(subscribe({ tokens: [5] }).items).toEqual([{ token: 5, rank: 3, speed: 'rt' }]);
  });

  test('every mode and every speed', () => {
    for (const [mode, rank] of [
      ['ltp', 1],
      ['quote', 2],
      ['full', 3],
    ] as const) {
      for (const speed of SPEEDS) {
        const command = subscribe({ tokens: [5], symbols: ['NSE:INFY'], mode, speed });
        expect(command.items).toEqual([{ token: 5, rank, speed }]);
        expect(command.symbols).toEqual([{ symbol: 'NSE:INFY', rank, speed }]);
      }
    }
  });

  const modes: [json: string, said: string][] = [
    ['"LTP"', 'LTP'],
    ['"constructor"', 'constructor'],
    ['3', '3'],
    ['null', 'null'],
    ['["ltp"]', 'a list'],
    ['{"toString":1}', 'an object'],
    [`"${'m'.repeat(1_000)}"`, `${'m'.repeat(100)}...`],
  ];
  for (const [json, said] of modes) {
    test(`a mode that is none refuses the request: ${said}`, () => {
      const command = parsed('refused', `{"action":"subscribe","tokens":[5],"mode":${json}}`);
      expect(command).toEqual({
        kind: 'refused',
        code: 'invalid_parameter',
        message: `mode must be ltp, quote or full, got ${said}`,
      });
    });
  }

  const speeds: [json: string, said: string][] = [
    ['"100"', '100'],
    ['0', '0'],
    ['-100', '-100'],
    ['99.999999', '99.999999'],
    ['1e400', 'Infinity'],
    ['"RT"', 'RT'],
    ['true', 'true'],
    ['null', 'null'],
    ['[100]', 'a list'],
  ];
  for (const [json, said] of speeds) {
    test(`a speed that is none refuses the request: ${said} (${json})`, () => {
      const command = parsed('refused', `{"action":"subscribe","tokens":[5],"speed":${json}}`);
      expect(command).toEqual({
        kind: 'refused',
        code: 'invalid_parameter',
        message: `speed must be "rt", 100, 250 or 1000, got ${said}`,
      });
    });
  }

  test('a number that is a speed however it is written', () => {
    expect(parsed('subscribe', '{"action":"subscribe","tokens":[5],"speed":1e2}').items[0]?.speed).toBe(100);
  });
});

describe('items', () => {
  test('have their own mode and speed, and the request’s where they have none', () => {
    const command = subscribe({
      mode: 'quote',
      speed: 250,
      items: [
        { token: 1 },
        { token: 2, mode: 'ltp' },
        { token: 3, speed: 'rt' },
        { symbol: 'NFO:NIFTY25NOVFUT', mode: 'full', speed: 1000 },
      ],
    });
    expect(command).toEqual({
      kind: 'subscribe',
      items: [
        { token: 1, rank: 2, speed: 250 },
        { token: 2, rank: 1, speed: 250 },
        { token: 3, rank: 2, speed: 'rt' },
      ],
      symbols: [{ symbol: 'NFO:NIFTY25NOVFUT', rank: 3, speed: 1000 }],
      rejected: [],
    });
  });

  test('tokens, symbols and items go together; of repeats the last counts', () => {
    const command = subscribe({
      tokens: [1, 2],
      symbols: ['NSE:A', 'NSE:B'],
      items: [{ token: 2, mode: 'ltp' }, { symbol: 'NSE:A', speed: 100 }, { token: 3 }],
    });
    expect(command.items).toEqual([
      { token: 1, rank: 3, speed: 'rt' },
      { token: 2, rank: 1, speed: 'rt' },
      { token: 3, rank: 3, speed: 'rt' },
    ]);
    expect(command.symbols).toEqual([
      { symbol: 'NSE:A', rank: 3, speed: 100 },
      { symbol: 'NSE:B', rank: 3, speed: 'rt' },
    ]);
  });

  const bad: [name: string, json: string, rejected: object][] = [
    ['a mode', '{"token":7,"mode":"best"}', { field: 'token', item: 7, code: 'invalid_parameter' }],
    ['a speed', '{"token":7,"speed":5}', { field: 'token', item: 7, code: 'invalid_parameter' }],
    [
      'a symbol’s mode',
      '{"symbol":"NSE:X","mode":null}',
      { field: 'symbol', item: 'NSE:X', code: 'invalid_parameter' },
    ],
    [
      'a token',
      '{"token":"7"}',
      { field: 'token', item: '7', code: 'invalid_instrument_token', message: tokenText('7') },
    ],
    [
      'neither token nor symbol',
      '{"mode":"ltp"}',
      { field: 'token', item: 'null', code: 'invalid_instrument_token', message: tokenText('null') },
    ],
    [
      'a token in a list',
      '{"token":[7]}',
      { field: 'token', item: 'a list', code: 'invalid_instrument_token' },
    ],
    [
      'a symbol',
      '{"symbol":7}',
      { field: 'symbol', item: 7, code: 'invalid_symbol', message: symbolText('7') },
    ],
    ['a null symbol', '{"symbol":null}', { field: 'symbol', item: 'null', code: 'invalid_symbol' }],
    ['a number', '7', { field: 'token', item: 7, code: 'invalid_parameter' }],
    ['a text', '"NSE:X"', { field: 'token', item: 'NSE:X', code: 'invalid_parameter' }],
    ['null', 'null', { field: 'token', item: 'null', code: 'invalid_parameter' }],
    ['a list', '[{"token":7}]', { field: 'token', item: 'a list', code: 'invalid_parameter' }],
    [
      'a token in the prototype',
      '{"__proto__":{"token":7}}',
      { field: 'token', item: 'null', code: 'invalid_instrument_token' },
    ],
    [
      'a mode in the prototype’s name',
      '{"token":7,"mode":"__proto__"}',
      { field: 'token', item: 7, code: 'invalid_parameter' },
    ],
  ];
  for (const [name, json, rejected] of bad) {
    test(`${name} that is wrong costs that item alone`, () => {
      const command = parsed(
        'subscribe',
        `{"action":"subscribe","items":[{"token":1},${json},{"symbol":"NSE:Y"}]}`,
      );
      expect(command.items).toEqual([{ token: 1, rank: 3, speed: 'rt' }]);
      expect(command.symbols).toEqual([{ symbol: 'NSE:Y', rank: 3, speed: 'rt' }]);
      expect(command.rejected).toMatchObject([rejected]);
    });
  }
});

describe('symbols', () => {
  test('any that an exchange may have', () => {
    const symbols = [
      'NSE:M&M',
      'NSE:BAJAJ-AUTO',
      'INDICES:NIFTY 50',
      'NFO:NIFTY25N0426000CE',
      'BSE:A:B',
      'X:1',
    ];
    expect(subscribe({ symbols }).symbols.map(({ symbol }) => symbol)).toEqual(symbols);
    const longest = 'NSE:'.padEnd(CLIENT_SYMBOL_CHARS_MAX, 'X');
    expect(subscribe({ symbols: [longest] }).symbols).toHaveLength(1);
    expect(subscribe({ symbols: [`${longest}X`] }).rejected).toMatchObject([
      { field: 'symbol', item: `${longest}X`, code: 'invalid_symbol' },
    ]);
  });

  /** The database takes none of the last ones in a request's JSON: one of them would cost all others their look-up. */
  const bad = [
    '',
    'RELIANCE',
    'NSE:',
    ':RELIANCE',
    'nse:RELIANCE',
    'NSE RELIANCE',
    'N5E:RELIANCE',
    'NSE:A\nB',
    'NSE:A\u0000',
    'NSE:\u001b[31m',
    'NSE:\ud800',
    'NSE:\udc00\ud800',
  ];
  for (const symbol of bad) {
    test(`none: ${JSON.stringify(symbol)}`, () => {
      const command = subscribe({ symbols: ['NSE:A', symbol, 'NSE:B'] });
      expect(command.symbols.map((each) => each.symbol)).toEqual(['NSE:A', 'NSE:B']);
      expect(command.rejected).toEqual([
        { field: 'symbol', item: symbol, code: 'invalid_symbol', message: symbolText(symbol) },
      ]);
    });
  }

  test('the names of what every object has are symbols or not as any other text', () => {
    const symbols = ['NSE:__proto__', 'NSE:constructor', '__proto__', 'constructor'];
    const command = subscribe({ symbols });
    expect(command.symbols.map(({ symbol }) => symbol)).toEqual(symbols.slice(0, 2));
    expect(command.rejected.map(({ item }) => item)).toEqual(symbols.slice(2));
  });
});

describe('the lists of a request', () => {
  const notAList = 'tokens must be a list of instrument tokens';
  const cases: [name: string, fields: object, refused: object][] = [
    ['none of them', { mode: 'ltp' }, { code: 'invalid_tokens', message: notAList }],
    ['null tokens beside symbols', { tokens: null, symbols: ['NSE:A'] }, { code: 'invalid_tokens' }],
    ['a symbol as symbols', { symbols: 'NSE:A' }, { message: 'symbols must be a list', detail: 'got NSE:A' }],
    ['null as symbols', { symbols: null }, { message: 'symbols must be a list', detail: 'got null' }],
    [
      'an object as items',
      { items: { token: 1 } },
      { message: 'items must be a list', detail: 'got an object' },
    ],
    ['items like a list', { items: { length: 1, 0: 1 } }, { message: 'items must be a list' }],
    ['a number as items', { tokens: [1], items: 5 }, { message: 'items must be a list', detail: 'got 5' }],
  ];
  for (const [name, fields, refused] of cases) {
    test(`${name} is refused`, () => expect(refusal(fields)).toMatchObject({ kind: 'refused', ...refused }));
  }

  test('empty ones are a request for nothing', () => {
    expect(subscribe({ symbols: [], items: [] })).toEqual({
      kind: 'subscribe',
      items: [],
      symbols: [],
      rejected: [],
    });
  });

  test(`all together have ${CLIENT_TOKENS_PER_MESSAGE_MAX} entries at most, wrong ones and repeats counted`, () => {
    const third = CLIENT_TOKENS_PER_MESSAGE_MAX / 3;
    const tokens = Array.from({ length: third }, (_, i) => i + 1);
    const symbols = Array.from({ length: third }, (_, i) => `NSE:S${i}`);
    const items = Array.from({ length: third }, (_, i) => (i % 2 === 0 ? { token: 1 } : 0));
    expect(subscribe({ tokens, symbols, items }).rejected).toHaveLength(third / 2);
    const over = refusal({ tokens, symbols, items: [...items, 0] });
    expect(over).toEqual({
      kind: 'refused',
      code: 'too_many_tokens',
      message: notAList,
      detail: '3001 given, at most 3000 per message',
    });
    expect(JSON.stringify(over).length).toBeLessThan(1_000);
  });
});

describe('unsubscribe', () => {
  test('by token and by symbol', () => {
    const message = { action: 'unsubscribe', tokens: [1, 2, 1], symbols: ['NSE:A', 'NSE:A', 'a'], id: 'u' };
    expect(parsed('unsubscribe', message)).toEqual({
      kind: 'unsubscribe',
      tokens: [1, 2],
      symbols: ['NSE:A'],
      rejected: [{ field: 'symbol', item: 'a', code: 'invalid_symbol', message: symbolText('a') }],
      id: 'u',
    });
  });
});

describe('list', () => {
  test('has nothing but its id', () => {
    expect(parsed('list', { action: 'list' })).toEqual({ kind: 'list' });
    expect(parsed('list', { action: 'list', tokens: 5, id: 0 })).toEqual({ kind: 'list', id: 0 });
  });
});

describe('id', () => {
  const ids = [
    0,
    -1,
    1.5,
    Number.MAX_SAFE_INTEGER,
    '',
    'a',
    '"\\\u2028',
    'x'.repeat(CLIENT_COMMAND_ID_CHARS_MAX),
  ];
  const messages: [kind: ClientCommand['kind'], fields: object][] = [
    ['subscribe', { action: 'subscribe', tokens: [1] }],
    ['unsubscribe', { action: 'unsubscribe', tokens: [1] }],
    ['list', { action: 'list' }],
    ['ping', { action: 'ping' }],
    ['refused', { action: 'explode' }],
    ['refused', { action: 'subscribe', tokens: 5 }],
    ['refused', { action: 'subscribe', tokens: [1], mode: 'best' }],
  ];

  test('comes back with every answer, refusals too', () => {
    for (const [kind, fields] of messages) {
      for (const id of ids) expect(parsed(kind, { ...fields, id }).id).toBe(id);
      expect(parsed(kind, fields)).not.toHaveProperty('id');
    }
  });

  test('of the answer is that of the request, byte for byte', () => {
    for (const id of ids) {
      const pong = nativeJson.encode({
        ...parsed('ping', { action: 'ping', id }),
        kind: 'pong',
      });
      expect(JSON.parse(pong)).toEqual({ type: 'pong', id });
    }
  });

  const bad: [json: string, said: string][] = [
    ['null', 'null'],
    ['true', 'true'],
    ['[1]', 'a list'],
    ['{"a":1}', 'an object'],
    // Neither could be told from null in the answer.
    ['1e400', 'Infinity'],
    ['-1e400', '-Infinity'],
    [`"${'x'.repeat(CLIENT_COMMAND_ID_CHARS_MAX + 1)}"`, 'x'.repeat(CLIENT_COMMAND_ID_CHARS_MAX + 1)],
    [`"${'x'.repeat(100_000)}"`, `${'x'.repeat(100)}...`],
    [`${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'a list'],
  ];
  for (const [json, said] of bad) {
    test(`${said.slice(0, 20)} (${json.length} characters) is none, and nothing is carried out`, () => {
      const command = parseCommand(`{"action":"subscribe","tokens":[1],"id":${json}}`);
      expect(command).toEqual({
        kind: 'refused',
        code: 'invalid_parameter',
        message: `id must be a number or a text of at most ${CLIENT_COMMAND_ID_CHARS_MAX} characters`,
        detail: `got ${said}`,
      });
    });
  }
});

describe('resume', () => {
  test('is a position of an earlier connection', () => {
    const resume = { epoch: 'e-1', seq: 1_764_000_000_123 };
    expect(subscribe({ tokens: [1], resume }).resume).toEqual(resume);
    expect(subscribe({ tokens: [1], resume: { ...resume, other: 1 } }).resume).toEqual(resume);
    expect(subscribe({ tokens: [1] })).not.toHaveProperty('resume');
  });

  const bad = [
    'null',
    '5',
    '"e-1"',
    '[]',
    '{}',
    '{"epoch":"e-1"}',
    '{"seq":5}',
    '{"epoch":5,"seq":5}',
    '{"epoch":"e-1","seq":"5"}',
    '{"epoch":"e-1","seq":-1}',
    '{"epoch":"e-1","seq":1.5}',
    '{"epoch":"e-1","seq":1e400}',
    '{"epoch":"e-1","seq":9007199254740992}',
    `{"epoch":"${'e'.repeat(1_000)}","seq":5}`,
    '{"__proto__":{"epoch":"e-1","seq":5}}',
  ];
  for (const json of bad) {
    test(`none: ${json.slice(0, 60)}`, () => {
      const command = parsed('refused', `{"action":"subscribe","tokens":[1],"resume":${json}}`);
      expect(command).toMatchObject({
        code: 'invalid_parameter',
        message: 'resume must be {"epoch": text, "seq": integer}',
      });
    });
  }
});

describe('authenticate', () => {
  test('takes a text, whatever it is', () => {
    const message = { action: 'authenticate', token: 'a.b.c', id: 1 };
    expect(parsed('authenticate', message)).toEqual({ kind: 'authenticate', token: 'a.b.c', id: 1 });
  });

  test('repeats nothing of what is no token', () => {
    for (const token of [undefined, null, 5, ['secret'], { secret: 1 }]) {
      const command = parsed('refused', { action: 'authenticate', token });
      expect(command).toMatchObject({ code: 'invalid_parameter', message: 'token must be a text' });
      expect(JSON.stringify(command)).not.toContain('secret');
    }
  });
});

describe('hostile messages', () => {
  const nested = (depth: number) => '{"a":'.repeat(depth) + 1 + '}'.repeat(depth);

  test('nesting in every field is one rejected item or one refusal', () => {
    const deep = nested(9_000);
    for (const field of ['tokens', 'symbols', 'items', 'mode', 'speed', 'id', 'resume', 'action']) {
      const command = parseCommand(`{"action":"subscribe","tokens":[1],"${field}":${deep}}`);
      expect(command.kind, field).toBe('refused');
      expect(nativeJson.encode({ ...(command as Command<'refused'>), kind: 'error' }).length).toBeLessThan(
        500,
      );
    }
    const lists = parsed(
      'subscribe',
      `{"action":"subscribe","tokens":[${deep}],"items":[{"token":${deep}}]}`,
    );
    expect(lists.rejected.map(({ item }) => item)).toEqual(['an object', 'an object']);
  });

  test('no field reaches the prototype of anything', () => {
    const proto = '{"polluted":true,"mode":"ltp","tokens":[9],"id":"x"}';
    const command = parsed(
      'subscribe',
      `{"action":"subscribe","tokens":[1],"__proto__":${proto},"constructor":{"prototype":${proto}}}`,
    );
    expect(command).toEqual({
      kind: 'subscribe',
      items: [{ token: 1, rank: 3, speed: 'rt' }],
      symbols: [],
      rejected: [],
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('the largest message that is all rejections is answered, and the answer is not a multiple of it without end', () => {
    const symbol = JSON.stringify('x'.repeat(36));
    const message = `{"action":"subscribe","symbols":[${new Array(CLIENT_TOKENS_PER_MESSAGE_MAX).fill(symbol).join(',')}]}`;
    expect(message.length).toBeLessThanOrEqual(CLIENT_MESSAGE_CHARS_MAX);
    const { rejected } = parsed('subscribe', message);
    expect(rejected).toHaveLength(CLIENT_TOKENS_PER_MESSAGE_MAX);
    const answer = nativeJson.encode({ kind: 'subscribed', tokens: [], pending: [], rejected, total: 0 });
    expect(answer.length).toBeLessThan(6 * CLIENT_MESSAGE_CHARS_MAX);
  });

  test('any fields of any kind: a command or a refusal, never an error, and within the bounds', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('__proto__', 'constructor', 'toString', 'rt', 'ltp', 'NSE:A', 'NSE:\u0000', 'list'),
      fc.constantFrom(0, -1, 100, 1000, 256_265, 0xffff_ffff, 2 ** 53, -0),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    const item = fc.oneof(
      odd,
      fc.record({ token: odd, symbol: odd, mode: odd, speed: odd }, { requiredKeys: [] }),
    );
    /** Right most of the time: one wrong field refuses a whole request. */
    const mostly = (right: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 7, arbitrary: right }, { weight: 1, arbitrary: odd });
    const list = mostly(fc.array(item, { maxLength: 6 }));
    const message = fc.record(
      {
        action: mostly(fc.constantFrom('subscribe', 'unsubscribe', 'list', 'ping', 'authenticate')),
        tokens: list,
        symbols: list,
        items: list,
        mode: mostly(fc.constantFrom('ltp', 'quote', 'full')),
        speed: mostly(fc.constantFrom(...SPEEDS)),
        id: mostly(fc.constantFrom(1, 'a')),
        resume: mostly(fc.constant({ epoch: 'e', seq: 5 })),
        token: mostly(fc.string()),
      },
      { requiredKeys: ['action'] },
    );
    const kinds = new Map<string, number>();
    fc.assert(
      fc.property(message, (fields) => {
        const command = parseCommand(JSON.stringify(fields));
        kinds.set(command.kind, (kinds.get(command.kind) ?? 0) + 1);
        if (command.kind === 'refused') {
          expect(JSON.parse(nativeJson.encode({ ...command, kind: 'error' }))).toMatchObject({
            type: 'error',
            code: command.code,
          });
        }
        if (command.kind === 'subscribe') {
          for (const { token, rank, speed } of command.items) {
            expect(Number.isInteger(token) && token > 0 && token <= 0xffff_ffff).toBe(true);
            expect([rank >= 1 && rank <= 3, SPEEDS.includes(speed)]).toEqual([true, true]);
          }
          for (const { symbol } of command.symbols) {
            expect(symbol.length).toBeLessThanOrEqual(CLIENT_SYMBOL_CHARS_MAX);
          }
          expect(new Set(command.items.map(({ token }) => token)).size).toBe(command.items.length);
          const { rejected } = command;
          nativeJson.encode({ kind: 'subscribed', tokens: [], pending: [], rejected, total: 0 });
        }
      }),
      { numRuns: 3_000 },
    );
    // Hundreds of each: the least likely, a subscribe with every field right, is one in ten.
    expect([...kinds.keys()].sort()).toEqual([
      'authenticate',
      'list',
      'ping',
      'refused',
      'subscribe',
      'unsubscribe',
    ]);
  });
});
