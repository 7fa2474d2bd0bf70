// GET /instruments and /instruments/:token: the day's list, searched and paged.
import { Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { parseInstrumentToken } from '../../shared/instrument.ts';
import {
  INSTRUMENT_FIELD_CHARS_MAX,
  INSTRUMENTS_PAGE_ROWS_DEFAULT,
  INSTRUMENTS_PAGE_ROWS_MAX,
} from '../../shared/limits.ts';
import { readersOnly } from '../auth/permission.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import {
  findInstrument,
  type InstrumentFilter,
  type InstrumentPosition,
  type InstrumentRow,
  searchInstruments,
} from '../store/instruments.ts';

export const instruments = new Hono<{ Bindings: Env }>();

/** Characters of a wrong value that an error repeats. */
const SHOWN_CHARS = 64;
/** Wrong fields that an error names. */
const PROBLEMS_MAX = 16;
/** Strikes are below it at every exchange. */
const STRIKE_MAX = 1e9;

// PostgreSQL's text has no NUL.
const Text = z
  .string()
  .min(1)
  .max(INSTRUMENT_FIELD_CHARS_MAX)
  .refine((text) => !text.includes('\0'), { error: 'has a NUL' });
const Strike = z
  .string()
  .regex(/^\d+(\.\d+)?$/, { error: 'is not an amount' })
  .transform(Number)
  .pipe(z.number().max(STRIKE_MAX));

function base64UrlOf(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function cursorOf({ tradingsymbol, instrument_token: token }: InstrumentRow): string {
  return base64UrlOf(`${token}:${tradingsymbol}`);
}

/** Where a page ended; undefined for what no page ever said. */
function positionOf(cursor: string): InstrumentPosition | undefined {
  let text: string;
  try {
    const bytes = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(
      Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
    );
  } catch {
    // Not base64, or not UTF-8: somebody made it up.
    return undefined;
  }
  const [, digits, tradingsymbol = ''] = /^(\d{1,10}):(.+)$/s.exec(text) ?? [];
  const token = parseInstrumentToken(Number(digits));
  return token === undefined || !Text.safeParse(tradingsymbol).success ? undefined : { tradingsymbol, token };
}

const Cursor = z.string().transform((cursor, issues) => {
  const position = positionOf(cursor);
  if (position) return position;
  issues.addIssue({ code: 'custom', message: 'is not a cursor of ours' });
  return z.NEVER;
});

const Query = z
  .strictObject({
    symbol: Text.optional(),
    name: Text.optional(),
    exchange: Text.optional(),
    segment: Text.optional(),
    type: z.enum(['EQ', 'FUT', 'CE', 'PE']).optional(),
    expiry: z.iso
      .date()
      .refine((date) => date >= '1900', { error: 'is before 1900' })
      .optional(),
    strike_min: Strike.optional(),
    strike_max: Strike.optional(),
    limit: z
      .string()
      .regex(/^\d{1,9}$/, { error: 'is not a number of rows' })
      .transform(Number)
      .pipe(z.number().min(1).max(INSTRUMENTS_PAGE_ROWS_MAX))
      .default(INSTRUMENTS_PAGE_ROWS_DEFAULT),
    cursor: Cursor.optional(),
  })
  .refine(({ strike_min: min = 0, strike_max: max = STRIKE_MAX }) => min <= max, {
    error: 'is below strike_min',
    path: ['strike_max'],
  });

/** The query without the token that `?token=` may bring. Throws `invalid_parameter` with every field that is wrong. */
function readQuery(url: string): z.infer<typeof Query> {
  const given = [...new URL(url).searchParams].filter(([field]) => field !== 'token');
  const repeated = given.find(([field], i) => given.findIndex(([other]) => other === field) !== i);
  if (repeated)
    throw new AppError('invalid_parameter', `${repeated[0].slice(0, SHOWN_CHARS)}: is given twice`);
  const values = Object.fromEntries(given);
  const query = Query.safeParse(values);
  if (query.success) return query.data;
  const problems = query.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => `${key.slice(0, SHOWN_CHARS)}: no such parameter`);
    const field = String(issue.path[0]);
    const shown = JSON.stringify(values[field]?.slice(0, SHOWN_CHARS));
    return [`${field}: ${issue.message}, got ${shown}`];
  });
  throw new AppError('invalid_parameter', problems.slice(0, PROBLEMS_MAX).join('; '));
}

function filterOf(query: z.infer<typeof Query>): InstrumentFilter {
  const { symbol, name, exchange, segment, type, expiry, cursor } = query;
  const isPrefix = name?.endsWith('*');
  return {
    symbolPrefix: symbol,
    name: isPrefix ? undefined : name,
    namePrefix: isPrefix ? name?.slice(0, -1) : undefined,
    exchange,
    segment,
    type,
    expiry,
    strikeMin: query.strike_min,
    strikeMax: query.strike_max,
    after: cursor,
  };
}

/** What an instrument does not have is absent. */
function viewOf({ name, expiry, strike, ...row }: InstrumentRow) {
  return {
    ...row,
    ...(name === '' ? {} : { name }),
    ...(expiry === null ? {} : { expiry }),
    ...(strike === 0 ? {} : { strike }),
  };
}

instruments.use(readersOnly('instruments:read'));

instruments.get('/', async (c) => {
  const query = readQuery(c.req.url);
  // One more than asked for tells whether there is another page.
  const rowsMax = query.limit + 1;
  const { trading_date, instruments: found } = await withDatabase(c.env, c.executionCtx, (sql) =>
    searchInstruments(sql, filterOf(query), rowsMax),
  );
  const page = found.slice(0, query.limit);
  const last = found.length > query.limit ? page.at(-1) : undefined;
  return c.json({
    ...(trading_date === null ? {} : { trading_date }),
    instruments: page.map(viewOf),
    ...(last ? { next_cursor: cursorOf(last) } : {}),
  });
});

instruments.get('/:token', async (c) => {
  const text = c.req.param('token');
  const token = /^\d{1,10}$/.test(text) ? parseInstrumentToken(Number(text)) : undefined;
  if (token === undefined) {
    const shown = JSON.stringify(text.slice(0, SHOWN_CHARS));
    throw new AppError('invalid_instrument_token', `instrument_token: must be 1 to 4294967295, got ${shown}`);
  }
  const found = await withDatabase(c.env, c.executionCtx, (sql) => findInstrument(sql, token));
  if (!found) throw new AppError('unknown_instrument', `instrument_token: no instrument ${token} today`);
  return c.json(viewOf(found));
});
