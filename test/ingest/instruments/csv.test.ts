import { expect, test } from 'vitest';
import { InstrumentCsvParser } from '../../../ingest/instruments/csv.ts';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { INSTRUMENT_FIELD_CHARS_MAX, INSTRUMENT_ROW_BYTES_MAX } from '../../../shared/limits.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const HEADER =
  'instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange';

function parse(chunks: readonly (string | Uint8Array)[]) {
  const rows: InstrumentDefinition[] = [];
  const parser = new InstrumentCsvParser((row) => rows.push(row));
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  parser.end();
  const { badRows, firstBadRow, isCutOff } = parser;
  return { rows, badRows, firstBadRow, isCutOff };
}

const parseRows = (...lines: readonly string[]) => parse([[HEADER, ...lines, ''].join('\r\n')]);

test('reads the rows of a real dump', () => {
  const { rows, badRows } = parseRows(
    '408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE',
    '256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE',
    '12073986,47164,BANKNIFTY18JAN23500CE,,2528.4,2018-01-25,23500.0,0.05,40,CE,NFO-OPT,NFO',
    '16035586,62639,RELIANCE26SEP1300CE,RELIANCE,0,2026-09-29,1300,0.05,500,CE,NFO-OPT,NFO',
  );
  expect(badRows).toBe(0);
  expect(rows).toEqual([
    {
      instrument_token: 408065,
      tradingsymbol: 'INFY',
      exchange: 'NSE',
      name: 'INFOSYS',
      segment: 'NSE',
      instrument_type: 'EQ',
      tick_size: 0.05,
      lot_size: 1,
    },
    {
      instrument_token: 256265,
      tradingsymbol: 'NIFTY 50',
      exchange: 'NSE',
      name: 'NIFTY 50',
      segment: 'INDICES',
      instrument_type: 'EQ',
      tick_size: 0,
      lot_size: 0,
    },
    {
      instrument_token: 12073986,
      tradingsymbol: 'BANKNIFTY18JAN23500CE',
      exchange: 'NFO',
      segment: 'NFO-OPT',
      instrument_type: 'CE',
      expiry: '2018-01-25',
      strike: 23500,
      tick_size: 0.05,
      lot_size: 40,
    },
    expect.objectContaining({
      tradingsymbol: 'RELIANCE26SEP1300CE',
      name: 'RELIANCE',
      strike: 1300,
      lot_size: 500,
    }),
  ]);
});

test('finds columns by name: another order, an extra one in front, a byte order mark', () => {
  const { rows } = parse([
    '\uFEFF,exchange,tradingsymbol,instrument_token,name,expiry,strike,tick_size,lot_size,segment,instrument_type\n',
    '0,NSE,INFY,408065,INFOSYS,,0,0.05,1,NSE,EQ\n',
  ]);
  expect(rows).toEqual([
    expect.objectContaining({ instrument_token: 408065, tradingsymbol: 'INFY', exchange: 'NSE' }),
  ]);
});

test('reads quoted fields: commas, doubled quotes, a line end inside', () => {
  const { rows, badRows } = parseRows(
    '257,1,"A,B","say ""hi""",0,,0,0.05,1,EQ,NSE,NSE',
    '513,2,C,"two\nlines",0,,0,0.05,1,EQ,NSE,NSE',
  );
  expect(badRows).toBe(0);
  expect(rows.map(({ tradingsymbol, name }) => [tradingsymbol, name])).toEqual([
    ['A,B', 'say "hi"'],
    ['C', 'two\nlines'],
  ]);
});

const GOOD = '408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE';

test.each([
  ['a row of junk', 'NaN', 'instrument_token is none'],
  ['a token of 0', '0,1,A,,0,,0,0.05,1,EQ,NSE,NSE', 'instrument_token is none'],
  ['a token over 32 bits', '4294967296,1,A,,0,,0,0.05,1,EQ,NSE,NSE', 'instrument_token is none'],
  ['missing columns', '257,1,A,,0,,0,0.05', 'exchange of 257 has 0 characters'],
  ['no symbol', '257,1,,,0,,0,0.05,1,EQ,NSE,NSE', 'tradingsymbol of 257 has 0 characters'],
  ['a lot that is no number', '257,1,A,,0,,0,0.05,many,EQ,NSE,NSE', 'lot_size of 257 is not an amount'],
  ['a lot of a half', '257,1,A,,0,,0,0.05,0.5,EQ,NSE,NSE', 'lot_size of 257 is not a number of units'],
  ['a lot over 31 bits', '257,1,A,,0,,0,0.05,2147483648,EQ,NSE,NSE', 'is not a number of units'],
  ['a day that does not exist', '257,1,A,,0,2026-02-30,0,0.05,1,CE,NFO,NFO', 'expiry of 257 is not a date'],
  ['a NUL', '257,1,A\0B,,0,,0,0.05,1,EQ,NSE,NSE', 'tradingsymbol of 257 has a NUL'],
  ['a negative strike', '257,1,A,,0,,-5,0.05,1,EQ,NSE,NSE', 'strike of 257 is not an amount'],
  ['an expiry in words', '257,1,A,,0,soon,0,0.05,1,CE,NFO,NFO', 'expiry of 257 is not a date'],
  [
    'an endless symbol',
    `257,1,${'A'.repeat(INSTRUMENT_FIELD_CHARS_MAX + 1)},,0,,0,0.05,1,EQ,NSE,NSE`,
    'has 97 characters',
  ],
  ['a quote that is never closed', '257,1,"A,,0,,0,0.05,1,EQ,NSE,NSE', 'exchange of 257 has 0 characters'],
])('%s costs its own row only', (_, line, reason) => {
  const { rows, badRows, firstBadRow } = parseRows(line, GOOD);
  expect(rows.map(({ tradingsymbol }) => tradingsymbol)).toEqual(['INFY']);
  expect(badRows).toBe(1);
  expect(firstBadRow).toContain(reason);
});

test('a row that never ends is dropped with all its parts, and memory does not grow with it', () => {
  const junk = 'x'.repeat(INSTRUMENT_ROW_BYTES_MAX);
  const { rows, badRows } = parse([`${HEADER}\n`, junk, junk, `${junk}\n${GOOD}\n`]);
  expect(rows).toHaveLength(1);
  expect(badRows).toBe(1);
});

test.each([
  ['ends with a line end', `${HEADER}\r\n${GOOD}\r\n`, false],
  ['has only blank lines behind the last row', `${HEADER}\n${GOOD}\n\r\n\n`, false],
  ['ends within a row', `${HEADER}\n${GOOD}\n${GOOD.slice(0, 20)}`, true],
  ['ends with a row but without its line end', `${HEADER}\n${GOOD}`, true],
  ['ends within an endless row', `${HEADER}\n${GOOD}\n${'x'.repeat(INSTRUMENT_ROW_BYTES_MAX + 1)}`, true],
  ['ends within quotes', `${HEADER}\n${GOOD}\n257,1,"A`, true],
])('a text that %s', (_, text, isCutOff) => {
  expect(parse([text])).toMatchObject({ isCutOff });
});

test('a page that is not the dump is refused', () => {
  expect(() => parse(['<!doctype html>\n<p>Sorry\n'])).toThrow(
    'instrument dump has no column instrument_token',
  );
  expect(() => parse([])).toThrow('instrument dump is empty');
});

test('however the stream is cut, the rows are the same', () => {
  const text = Buffer.from(
    [
      HEADER,
      GOOD,
      '257,1,"A,B","say ""hi""",0,,0,0.05,1,EQ,NSE,NSE',
      '513,2,C,"two\r\nlines",0,,0,0.05,1,EQ,NSE,NSE',
      '769,3,कखग,नाम,0,,0,0.05,1,EQ,NSE,NSE',
      'junk',
      '1025,4,LAST,,0,2026-09-29,100.5,0.05,25,PE,NFO-OPT,NFO',
    ].join('\r\n'),
  );
  const whole = parse([text]);
  expect(whole.rows).toHaveLength(5);
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < text.length; ) {
      const length = 1 + random.below(seed % 3 === 0 ? 3 : 60);
      chunks.push(text.subarray(at, at + length));
      at += length;
    }
    expect(parse(chunks), `seed ${seed}`).toEqual(whole);
  }
});
