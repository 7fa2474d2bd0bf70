// Greeks from the simulator's market to a client of the SDK, through the whole system.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildClient } from '../../dev/build-client.ts';
import type { TickerClient } from '../../shared/client/index.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const WITHIN_MS = 30_000;

let stack: TestStack;
let client: TickerClient;
/** One call and one put of each expiry of NIFTY, at the money. */
let options: number[];

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 2_000 });
  const built = join(stack.dataDir, 'sdk');
  await buildClient(built);
  const sdk: typeof import('../../shared/client/index.ts') = await import(
    pathToFileURL(join(built, 'index.js')).href
  );
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  const [header = '', ...lines] = csv.split('\r\n').filter((line) => line !== '');
  const names = header.split(',');
  const rows = lines.map(
    (line) => new Map(line.split(',').map((cell, at) => [names[at], cell.replaceAll('"', '')])),
  );
  const chain = rows.filter((row) => row.get('name') === 'NIFTY' && row.get('segment') === 'NFO-OPT');
  const strikes = [...new Set(chain.map((row) => Number(row.get('strike'))))].sort((a, b) => a - b);
  const middle = strikes[strikes.length >> 1];
  options = chain
    .filter((row) => Number(row.get('strike')) === middle)
    .map((row) => Number(row.get('instrument_token')));
  client = new sdk.TickerClient({ url: stack.info.ws, token: () => stack.mint({ expiresInS: 3_600 }) });
  client.connect();
});
afterAll(async () => {
  client?.close();
  await stack?.stop();
});

test('options of every expiry have Greeks, at a future or at the strikes around the money', async () => {
  client.subscribe(options, { mode: 'full' });
  await client.ready();
  const lasts = () => options.map((token) => client.last(token));
  await vi.waitFor(
    () => {
      for (const tick of lasts())
        expect(tick?.greeks, `${tick?.tradingsymbol}`).toMatchObject({ status: 'ok' });
      const sources = new Set(lasts().map((tick) => tick?.greeks?.forward_source));
      expect(sources).toEqual(new Set(['future', 'synthetic']));
    },
    { timeout: WITHIN_MS, interval: 100 },
  );
  for (const tick of lasts()) {
    expect(tick?.greeks?.iv).toBeGreaterThan(1);
    expect(tick?.greeks?.iv).toBeLessThan(100);
  }
});
