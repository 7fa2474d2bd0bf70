// GET /chain and /chain/expiries: an option chain with its last values and figures, and which there are.
import { Hono } from 'hono';
import { AppError } from '../../shared/errors.ts';
import { readersOnly } from '../auth/permission.ts';
import { regionOf } from '../core/gateway-choice.ts';
import { type ChainWish, parseChain } from '../dialects/native-json/chain-command.ts';
import { gatewayName, gatewayStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';
import { listExpiries } from '../store/chains.ts';
import { withDatabase } from '../store/db.ts';

export const chain = new Hono<{ Bindings: Env }>();

/** Characters of a wrong value that an error repeats. */
const SHOWN_CHARS = 64;

/** A date that stands in for the one that /chain/expiries does not take. */
const ANY_DATE = '2000-01-01';

function shown(value: unknown): string {
  return JSON.stringify(value === undefined ? null : String(value).slice(0, SHOWN_CHARS));
}

/** The query without the token that `?token=` may bring. Throws `invalid_parameter` for a parameter that is there twice. */
function valuesOf(url: string): Record<string, unknown> {
  const given = [...new URL(url).searchParams].filter(([field]) => field !== 'token');
  const repeated = given.find(([field], i) => given.findIndex(([other]) => other === field) !== i);
  if (repeated)
    throw new AppError('invalid_parameter', `${repeated[0].slice(0, SHOWN_CHARS)}: is given twice`);
  return Object.fromEntries(given);
}

/** Throws `invalid_parameter` that names the wrong one. */
function readWish({ strikes, ...values }: Record<string, unknown>): ChainWish {
  const count = typeof strikes === 'string' && /^\d{1,9}$/.test(strikes) ? Number(strikes) : strikes;
  const wish = parseChain({ ...values, ...(count === undefined ? {} : { strikes: count }) }, shown, '');
  if (typeof wish === 'string') throw new AppError('invalid_parameter', wish);
  return wish;
}

chain.use(readersOnly('market:read'));

chain.get('/', async (c) => {
  const wish = readWish(valuesOf(c.req.url));
  const region = regionOf(c.req.raw.cf as IncomingRequestCfProperties | undefined);
  let document: Awaited<ReturnType<ReturnType<typeof gatewayStub>['chain']>>;
  try {
    document = await gatewayStub(c.env, gatewayName(region, 0)).chain(wish.chain, wish.strikes);
  } catch (error) {
    console.error(`the gateway of ${region} did not gather a chain: ${error}`);
    throw new AppError('gateway_unavailable', 'the gateway does not answer, try again', { cause: error });
  }
  if ('refusal' in document) throw new AppError(document.refusal.code, document.refusal.message);
  return c.body(document.json, 200, { 'content-type': 'application/json' });
});

chain.get('/expiries', async (c) => {
  const values = valuesOf(c.req.url);
  const foreign = Object.keys(values).find((name) => name !== 'underlying' && name !== 'exchange');
  if (foreign !== undefined)
    throw new AppError('invalid_parameter', `${foreign.slice(0, SHOWN_CHARS)}: no such parameter`);
  const { underlying, exchange } = readWish({ ...values, expiry: ANY_DATE }).chain;
  const expiries = await withDatabase(c.env, c.executionCtx, (sql) =>
    listExpiries(sql, { underlying, exchange }),
  );
  if (expiries.length === 0)
    throw new AppError(
      'unknown_instrument',
      `underlying: no options on ${shown(underlying)} at ${exchange} today`,
    );
  return c.json({ underlying, exchange, expiries });
});
