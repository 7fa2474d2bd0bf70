// A chain against the whole system: from the simulated exchange through sidecar and edge to the SDK, and over HTTP.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  type ChainFigures,
  type ChainMembersEvent,
  type ChainSubscription,
  type Tick,
  TickerClient,
} from '../../shared/client/index.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const WITHIN_MS = 30_000;
const STRIKES = 5;

let stack: TestStack;
let client: TickerClient | undefined;

beforeAll(async () => {
  // So many that NIFTY's chains have fifty strikes on each side.
  stack = await startTestStack({ instrumentsCount: 2_000, rate: 4 });
});
afterEach(() => client?.close());
afterAll(async () => {
  await stack?.stop();
});

async function get(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${stack.info.url}${path}`, {
    headers: { authorization: `Bearer ${stack.info.token}` },
  });
  expect(response.status, path).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

async function moveNifty(percent: number): Promise<void> {
  const response = await fetch(`${stack.info.kite?.api}/_simulator/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ command: 'move_spot', symbol: 'NSE:NIFTY 50', by_percent: percent }),
  });
  expect(response.status).toBe(200);
}

/** Distinct strikes of the window, ascending. */
function strikesOf({ members }: ChainSubscription): number[] {
  return [...new Set(members.map(({ strike }) => strike))];
}

/** The window is whole and around the forward of its figures, all of whose strikes have values. */
function expectAroundForward(chain: ChainSubscription): ChainFigures & { readonly forward: number } {
  const { figures } = chain;
  const strikes = strikesOf(chain);
  const { forward = Number.NaN } = figures ?? {};
  const gap = (strikes[1] ?? 0) - (strikes[0] ?? 0);
  expect(strikes).toHaveLength(2 * STRIKES + 1);
  expect(Math.abs((strikes[STRIKES] ?? 0) - forward)).toBeLessThanOrEqual(gap * 0.6);
  expect(figures).toMatchObject({
    strikes_from: strikes[0],
    strikes_to: strikes.at(-1),
    strikes_counted: 2 * STRIKES + 1,
  });
  return { ...figures, forward };
}

function expectPlausible({ forward, ...figures }: ChainFigures & { readonly forward: number }): void {
  const { underlying = 0, atm_iv: iv = 0, days_to_expiry: days = 0, max_pain: pain = 0 } = figures;
  expect(Math.abs(forward / underlying - 1)).toBeLessThan(0.02);
  expect(['future', 'synthetic', 'carry', 'spot']).toContain(figures.forward_source);
  expect([iv > 3, iv < 80]).toEqual([true, true]);
  expect([days > 0, days < 60]).toEqual([true, true]);
  expect([pain >= (figures.strikes_from ?? 0), pain <= (figures.strikes_to ?? 0)]).toEqual([true, true]);
  expect([(figures.pcr_oi ?? 0) > 0, (figures.pcr_volume ?? 0) > 0]).toEqual([true, true]);
}

test('a chain streams Greeks around the money, and follows it when the spot jumps', async () => {
  const { expiries } = (await get('/chain/expiries?underlying=NIFTY')) as {
    expiries: { expiry: string; strikes: number }[];
  };
  // Not the nearest: on its day it may have minutes left.
  const { expiry } = expiries[1] as { expiry: string };
  client = new TickerClient({ url: stack.info.ws, token: () => stack.mint({ expiresInS: 3_600 }) });
  const moves: ChainMembersEvent[] = [];
  const newest = new Map<number, Tick>();
  const strays: Tick[] = [];
  client.on('chainMembers', (event) => moves.push(event));
  const chain = client.subscribeChain({ underlying: 'NIFTY', expiry, strikes: STRIKES });
  client.on('tick', (tick) => {
    newest.set(tick.instrument_token, tick);
    if (!chain.members.some((member) => member.instrument_token === tick.instrument_token)) strays.push(tick);
  });
  client.connect();
  expect((await chain.accepted).refusal).toBeUndefined();
  const expectAllLive = () => {
    for (const { instrument_token: token, type } of chain.members) {
      const greeks = newest.get(token)?.greeks;
      expect(['ok', 'by_parity']).toContain(greeks?.status);
      expect(Math.sign(greeks?.delta ?? 0)).toBe(type === 'CE' ? 1 : -1);
      expect(client?.freshness(token)).toBe('live');
    }
  };
  await vi.waitFor(() => expectPlausible(expectAroundForward(chain)), WITHIN_MS);
  await vi.waitFor(expectAllLive, WITHIN_MS);

  const before = expectAroundForward(chain);
  await moveNifty(3);
  await vi.waitFor(() => {
    const after = expectAroundForward(chain);
    expect(after.forward / before.forward).toBeGreaterThan(1.02);
    expectPlausible(after);
  }, WITHIN_MS);
  await vi.waitFor(expectAllLive, WITHIN_MS);
  const last = moves.at(-1);
  expect([last?.joined.length, last?.left.length].every((count) => (count ?? 0) > 0)).toBe(true);
  expect(strays, 'ticks of who has not joined, or has left').toEqual([]);

  const document = await get(`/chain?underlying=NIFTY&expiry=${expiry}&strikes=${STRIKES}`);
  expect(document).toMatchObject({ chain: { underlying: 'NIFTY', expiry, strikes: STRIKES }, pending: [] });
  const members = document.members as { instrument_token: number; tick: Tick }[];
  expect(members).toHaveLength(2 * (2 * STRIKES + 1));
  for (const { tick } of members) expect(tick.greeks?.forward).toBeGreaterThan(before.forward * 1.02);
});

test('a chain that nobody streams is gathered by GET /chain', async () => {
  const { expiries } = (await get('/chain/expiries?underlying=BANKNIFTY')) as {
    expiries: { expiry: string }[];
  };
  const expiry = expiries.at(-1)?.expiry;
  await vi.waitFor(async () => {
    const { data, pending } = await get(`/chain?underlying=BANKNIFTY&expiry=${expiry}&strikes=2`);
    expect(pending).toEqual([]);
    expect(data).toMatchObject({
      strikes_counted: 5,
      forward: expect.any(Number),
      atm_iv: expect.any(Number),
    });
  }, WITHIN_MS);
});
