// A clock that jumps: tokens that die at six, the next morning's dump, and sockets that live through both.
import { afterEach, expect, test } from 'vitest';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../ingest/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { queryOf, statusOf, TickerClient } from './ticker-client.ts';

const INFY = 408065;
/** An expiry day, in the session. */
const TUESDAY = Date.parse('2026-11-24T10:00:00+05:30');

let simulator: Simulator;
afterEach(async () => simulator.stop());

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ startMs: TUESDAY, ticksPerInstrumentPerSecond: 20, ...options });
}

const jumpTo = (to: string) => simulator.run({ command: 'set_clock', to });
const dump = async () => (await fetch(`${simulator.url}/instruments`)).text();
const tokenOf = (symbol: string) =>
  simulator.instruments.find(({ tradingsymbol }) => tradingsymbol === symbol)?.instrument_token;
const symbolOf = (token: number) =>
  simulator.instruments.find((each) => each.instrument_token === token)?.tradingsymbol;

test('past 06:00 IST daily tokens are dead, and stay dead when the clock goes back; sockets go on', async () => {
  await start({ isTokenDaily: true });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [INFY] });
  await client.until(() => client.packets.length > 0);
  jumpTo('2026-11-25T05:59:59+05:30');
  expect(await statusOf(simulator, queryOf(simulator))).toBe(101);
  jumpTo('2026-11-25T06:00:00+05:30');
  expect(await statusOf(simulator, queryOf(simulator))).toBe(403);
  const headers = { authorization: 'token simulator_key:simulator_access_token' };
  expect((await fetch(`${simulator.url}/user/profile`, { headers })).status).toBe(403);
  expect((await fetch(`${simulator.url}/instruments`, { headers })).status).toBe(200);
  client.forget();
  await client.until(() => client.packets.length > 2);
  jumpTo('2026-11-24T10:00:00+05:30');
  expect(await statusOf(simulator, queryOf(simulator))).toBe(403);
});

test('without that, a token outlives the night', async () => {
  await start();
  simulator.run({ command: 'advance_clock', by_ms: 48 * 3_600_000 });
  expect(await statusOf(simulator, queryOf(simulator))).toBe(101);
});

test('the dump changes at eight on the next trading day: what expired is gone, its tokens name new contracts', async () => {
  await start();
  expect(simulator.tradingDate).toBe('2026-11-24');
  const before = await dump();
  const expired = tokenOf('NIFTY26NOV26050CE')!;
  const kept = tokenOf('NIFTY26D0126050CE')!;
  expect(expired).toBeDefined();
  jumpTo('2026-11-25T07:59:00+05:30');
  expect(await dump()).toBe(before);
  expect(jumpTo('2026-11-25T08:00:00+05:30')).toEqual({
    now: '2026-11-25 08:00:00',
    trading_date: '2026-11-25',
  });
  const after = await dump();
  expect(after).not.toContain('NIFTY26NOV');
  expect(after.split('\r\n')).toHaveLength(before.split('\r\n').length);
  expect(tokenOf('NIFTY26D0126050CE')).toBe(kept);
  const successor = symbolOf(expired)!;
  expect(before).not.toContain(`,${successor},`);
  expect(after).toContain(`${expired},${expired >>> 8},${successor},`);
  // Friday's dump is good until Monday morning.
  jumpTo('2026-11-30T07:59:00+05:30');
  expect(simulator.tradingDate).toBe('2026-11-27');
  jumpTo('2026-11-30T08:00:00+05:30');
  expect(simulator.tradingDate).toBe('2026-11-30');
  // A list does not come back.
  jumpTo('2026-11-24T10:00:00+05:30');
  expect(simulator.tradingDate).toBe('2026-11-30');
});

test('a socket streams on through the change, and what it has under an old token is the new contract', async () => {
  await start();
  const client = await TickerClient.connect(simulator);
  const [expired, kept] = [tokenOf('NIFTY26NOV26050CE')!, tokenOf('NIFTY26D0126050CE')!];
  client.send({ a: 'mode', v: ['full', [expired, kept]] });
  client.send({ a: 'mode', v: ['ltp', [INFY]] });
  await client.until(() => client.packets.length > 3);
  jumpTo('2026-11-25T09:15:00+05:30');
  client.forget();
  const has = (token: number) => client.packets.some((packet) => packet.token === token);
  await client.until(() => has(expired) && has(kept) && has(INFY));
  expect(new Set(client.packets.map(({ token, length }) => `${token}:${length}`))).toEqual(
    new Set([`${expired}:184`, `${kept}:184`, `${INFY}:8`]),
  );
  expect(simulator.connections()[0]?.subscriptions).toEqual({ ltp: 1, quote: 0, full: 2 });
  // Its price is that of the successor.
  const slot = simulator.market.slotOf(expired);
  const last = client.tickFrames.at(-1)!;
  expect(last.byteLength).toBeGreaterThan(2);
  expect(simulator.instruments[slot]?.tradingsymbol).toBe(symbolOf(expired));
  // The socket's books are right: what is unsubscribed stops, and nothing else.
  client.send({ a: 'unsubscribe', v: [expired, kept] });
  await eventually(() => expect(simulator.connections()[0]?.subscriptions.full).toBe(0));
  client.forget();
  await client.until(() => client.packets.length > 3);
  expect(new Set(client.packets.map(({ token }) => token))).toEqual(new Set([INFY]));
});

test('subscriptions to tokens that nothing took over are gone, without a word', async () => {
  await start({ instrumentsCount: 60 });
  const client = await TickerClient.connect(simulator);
  const tokens = simulator.instruments.map(({ instrument_token: token }) => token);
  client.send({ a: 'subscribe', v: tokens });
  await eventually(() => expect(simulator.connections()[0]?.subscriptions.quote).toBe(60));
  const listed = new Set(tokens);
  simulator.run({ command: 'open_date', trading_date: '2027-03-01' });
  const still = simulator.instruments.filter(({ instrument_token: token }) => listed.has(token)).length;
  expect(simulator.connections()[0]?.subscriptions.quote).toBe(still);
  const modes = simulator.subscriptions()[0] ?? new Map();
  expect([...modes.keys()].filter((token) => listed.has(token))).toHaveLength(still);
  expect([...new Set(modes.values())]).toEqual(['quote']);
  expect(client.texts).toEqual([]);
});

test('the clock of the market is the simulator’s: exchange times jump with it, both ways', async () => {
  await start();
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'mode', v: ['full', [256265]] });
  const newest = () => client.tickFrames.at(-1)?.getUint32(2 + 2 + 28);
  const near = (to: string) => async () => {
    const wanted = Date.parse(to) / 1_000;
    expect(newest()).toBeGreaterThanOrEqual(wanted);
    expect(newest()).toBeLessThan(wanted + 3_600);
  };
  await eventually(near('2026-11-24T10:00:00+05:30'));
  jumpTo('2026-11-24T14:00:00+05:30');
  await eventually(near('2026-11-24T14:00:00+05:30'));
  jumpTo('2026-11-24T11:00:00+05:30');
  await eventually(near('2026-11-24T11:00:00+05:30'));
  expect(simulator.state.clock.now).toContain('2026-11-24 11:0');
});

test('a date that was given stays whatever the clock says, until another one is given', async () => {
  await start({ tradingDate: '2026-11-23' });
  jumpTo('2027-11-25T12:00:00+05:30');
  expect(simulator.tradingDate).toBe('2026-11-23');
  expect(simulator.run({ command: 'open_date', trading_date: '2026-11-25' })).toEqual({
    trading_date: '2026-11-25',
  });
  expect(await dump()).not.toContain('26NOV');
});
