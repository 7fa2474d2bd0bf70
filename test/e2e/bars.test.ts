// Bars of a liquid instrument through the whole system: one after the other, and what the same client's ticks say.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startTestStack, type TestStack } from '../support/stack.ts';
import type { TickData } from '../support/stream-client.ts';

interface BarData {
  readonly start: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly ticks: number;
  readonly closed: boolean;
  readonly partial?: true;
}

const RELIANCE = 738_561;
const BARS = 6;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 50, rate: 20 });
});
afterAll(() => stack?.stop());

test('one-second bars are consecutive and consistent with the ticks', async () => {
  const socket = new WebSocket(`${stack.info.ws}?token=${stack.info.token}`, { perMessageDeflate: false });
  const ticks: TickData[] = [];
  const told: BarData[] = [];
  socket.on('message', (text) => {
    const message = JSON.parse(String(text));
    if (message.type === 'tick') ticks.push(message.data);
    if (message.type === 'bar') told.push(message.data);
    if (message.type !== 'connected') return;
    socket.send(JSON.stringify({ action: 'subscribe', tokens: [RELIANCE] }));
    socket.send(JSON.stringify({ action: 'subscribe', kind: 'bar', interval: '1s', tokens: [RELIANCE] }));
  });
  const whole = () => told.filter(({ closed, partial }) => closed && !partial);
  await vi.waitFor(() => expect(whole().length).toBeGreaterThanOrEqual(BARS), { timeout: 30_000 });
  socket.terminate();

  const bars = whole();
  const starts = bars.map(({ start }) => Date.parse(start));
  expect(starts).toEqual(starts.map((_, i) => (starts[0] as number) + i * 1_000));
  for (const [i, bar] of told.entries()) {
    const before = told[i - 1];
    if (!before) continue;
    expect(Date.parse(bar.start)).toBeGreaterThanOrEqual(Date.parse(before.start));
    if (bar.start === before.start) expect(before.closed, 'reopened').toBe(false);
  }
  for (const [i, bar] of bars.entries()) {
    const start = starts[i] as number;
    const own = ticks.filter(({ received_at: at }) => Math.floor(Date.parse(at) / 1_000) * 1_000 === start);
    const prices = own.flatMap(({ last_price: price }) => price ?? []);
    expect(prices.length).toBeGreaterThan(0);
    // The client is sent the newest tick of each window, the bar has all of them.
    expect(bar.ticks).toBeGreaterThanOrEqual(prices.length);
    expect(bar.high).toBeGreaterThanOrEqual(Math.max(...prices));
    expect(bar.low).toBeLessThanOrEqual(Math.min(...prices));
    for (const price of [bar.open, bar.close]) {
      expect(price).toBeGreaterThanOrEqual(bar.low);
      expect(price).toBeLessThanOrEqual(bar.high);
    }
  }
  const volumeAt = (tick: TickData | undefined) => tick?.volume ?? Number.NaN;
  const endMs = (starts.at(-1) as number) + 1_000;
  const within = ticks.filter(({ received_at: at }) => {
    const ms = Date.parse(at);
    return ms >= (starts[0] as number) && ms < endMs;
  });
  const sum = bars.reduce((total, { volume }) => total + volume, 0);
  expect(sum, 'traded between the first and the last tick at least').toBeGreaterThanOrEqual(
    volumeAt(within.at(-1)) - volumeAt(within[0]),
  );
  const before = ticks.findLast(({ received_at: at }) => Date.parse(at) < (starts[0] as number));
  const after = ticks.find(({ received_at: at }) => Date.parse(at) >= endMs);
  expect(sum, 'and no more than between those around them').toBeLessThanOrEqual(
    volumeAt(after) - volumeAt(before),
  );
});
