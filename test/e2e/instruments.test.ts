// The instrument list through the whole system: from Kite by way of the sidecar and the database to whoever asks the edge.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestStack, type TestStack } from '../support/stack.ts';

const INSTRUMENTS = 300;
let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: INSTRUMENTS });
});
afterAll(() => stack?.stop());

async function get(path: string, headers: Record<string, string> = {}): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.info.url}${path}`, { headers });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

test('what Kite lists is found at the edge, page by page, and /health says of which date it is', async () => {
  const headers = { authorization: `Bearer ${stack.info.token}` };
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  const listed = csv
    .trim()
    .split('\r\n')
    .slice(1)
    .map((row) => row.split(',')[2]);
  expect(listed).toHaveLength(INSTRUMENTS);
  // Read, stored and reported by and by.
  const isThere = async () => {
    expect(await get('/health')).toMatchObject({
      dependencies: {
        instrument_registry: { status: 'ok', cached_instruments: INSTRUMENTS, source: 'kite' },
      },
    });
    expect((await get('/instruments?limit=1', headers)).trading_date).toBeDefined();
  };
  await vi.waitFor(isThere, { timeout: 20_000, interval: 50 });
  const found: unknown[] = [];
  for (let cursor = ''; ; ) {
    const page = await get(`/instruments?limit=77${cursor}`, headers);
    found.push(
      ...(page.instruments as { tradingsymbol: string }[]).map(({ tradingsymbol }) => tradingsymbol),
    );
    if (page.next_cursor === undefined) break;
    cursor = `&cursor=${page.next_cursor}`;
  }
  expect(found).toEqual(listed.sort());
  expect(await get('/instruments/256265', { 'x-api-key': stack.info.apiKey })).toMatchObject({
    tradingsymbol: 'NIFTY 50',
    openalgo_symbol: 'NIFTY',
    openalgo_exchange: 'NSE_INDEX',
  });
});
