// The built SDK against the whole system: what it promises when the edge, the token and the application come and go.
import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { buildClient } from '../../dev/build-client.ts';
import type { Bar, BarGap, ClientState, Tick, TickerClient } from '../../shared/client/index.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const WITHIN_MS = 20_000;

let stack: TestStack;
let sdk: typeof import('../../shared/client/index.ts');
let tokens: number[];
let client: TickerClient;
let neighbour: TickerClient | undefined;
/** Ticks that were older than one shown before of the same instrument. */
let backward: [before: Tick, after: Tick][];
let states: ClientState['kind'][];
let tokensAsked: number;
let sockets: WebSocket[];
let line: Line;

/** A line to the edge that can be cut: both ends see a lost connection, and neither a farewell. */
interface Line {
  readonly port: number;
  /** Ends what is connected. */
  cut(): void;
  /** While it is down, nobody gets through. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
}

async function layLine(toPort: number): Promise<Line> {
  const ends = new Set<Socket>();
  let isClosed = false;
  const server = createServer((near) => {
    if (isClosed) {
      near.destroy();
      return;
    }
    const far = connectTo(toPort, '127.0.0.1');
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const end of ends) end.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    setDown(isDown) {
      isClosed = isDown;
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 200, rate: 4 });
  const built = join(stack.dataDir, 'sdk');
  await buildClient(built);
  sdk = await import(pathToFileURL(join(built, 'index.js')).href);
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  line = await layLine(Number(new URL(stack.info.url).port));
  const rows = csv.split('\r\n').slice(1);
  tokens = rows.map((row) => Number(row.split(',')[0])).filter((token) => token > 0);
});
afterEach(() => {
  neighbour?.close();
  client.close();
  expect(backward).toEqual([]);
});
afterAll(async () => {
  await line?.close();
  await stack?.stop();
});

function isOlder(tick: Tick, than: Tick): boolean {
  if (Date.parse(tick.received_at) < Date.parse(than.received_at)) return true;
  return Date.parse(tick.exchange_timestamp ?? '') < Date.parse(than.exchange_timestamp ?? '');
}

/** The first token lives as long as given, in seconds; the later ones for long. */
function connect(firstExpiresInS = 3_600): TickerClient {
  sockets = [];
  backward = [];
  states = [];
  tokensAsked = 0;
  const shown = new Map<number, Tick>();
  client = new sdk.TickerClient({
    url: stack.info.ws.replace(String(new URL(stack.info.url).port), String(line.port)),
    token: () => {
      tokensAsked++;
      return stack.mint({ expiresInS: tokensAsked === 1 ? firstExpiresInS : 3_600 });
    },
    WebSocket: class extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    },
  });
  client.on('state', ({ kind }) => states.push(kind));
  client.on('tick', (tick) => {
    const before = shown.get(tick.instrument_token);
    if (before && isOlder(tick, before)) backward.push([before, tick]);
    shown.set(tick.instrument_token, tick);
  });
  client.connect();
  return client;
}

function notLive(): number {
  return tokens.filter((token) => client.freshness(token) !== 'live').length;
}

const allLive = () => vi.waitFor(() => expect(notLive()).toBe(0), { timeout: WITHIN_MS, interval: 50 });

test('subscribes, and says what became of each instrument', async () => {
  connect();
  const subscription = client.subscribe([...tokens, 'NSE:RELIANCE', 'NSE:NOSUCHTHING'], { speed: 100 });
  await client.ready();
  const { accepted, rejected } = await subscription.accepted;
  expect(new Set(accepted.map(({ token }) => token))).toEqual(new Set(tokens));
  expect(accepted.find(({ instrument }) => instrument === 'NSE:RELIANCE')).toMatchObject({ speed: 100 });
  expect(rejected).toMatchObject([{ instrument: 'NSE:NOSUCHTHING', code: 'unknown_instrument' }]);
  await allLive();
  for (const token of tokens) expect(client.last(token)?.last_price).toBeGreaterThan(0);
  expect(client.last('NSE:RELIANCE')?.tradingsymbol).toBe('RELIANCE');
  expect(client.freshness('NSE:NOSUCHTHING')).toBe('unknown');
});

test('iterates over one subscription until it is given up; the rest goes on', async () => {
  connect();
  const [first = 0, second = 0] = tokens;
  const one = client.subscribe([first]);
  client.subscribe([second]);
  const seen: number[] = [];
  for await (const { instrument_token: token } of one) {
    seen.push(token);
    if (seen.length === 3) one.unsubscribe();
  }
  expect(seen).toEqual([first, first, first]);
  expect(client.last(first)).toBeUndefined();
  await vi.waitFor(() => expect(client.freshness(second)).toBe('live'), { timeout: WITHIN_MS });
  const stats = async () =>
    ((await (await fetch(`${stack.info.url}/ws/stats`)).json()) as { total_subscriptions: number })
      .total_subscriptions;
  await vi.waitFor(async () => expect(await stats()).toBe(1), { timeout: WITHIN_MS });
});

test('the edge dies: values are stale at once, and live again without anybody doing anything', async () => {
  connect();
  client.subscribe(tokens);
  await allLive();
  expect(tokensAsked).toBe(1);
  const back = stack.nextReady('workerd');
  const stale = new Promise<number>((resolve) => {
    client.on('state', ({ kind }) => {
      if (kind === 'waiting') resolve(notLive());
    });
  });
  stack.kill('workerd');
  expect(await stale).toBe(tokens.length);
  expect(client.last(tokens[0] as number)).toBeDefined();
  await back;
  await allLive();
  expect(tokensAsked).toBeGreaterThan(1);
  expect(states.slice(0, 3)).toEqual(['connecting', 'connected', 'waiting']);
  expect(states.at(-1)).toBe('connected');
});

test('a connection that breaks is resumed: every missed tick, and no value goes back', async () => {
  connect();
  // Few enough that no flush has to wait for the socket: what has waited is not resumed but sent anew.
  const few = tokens.slice(0, 30);
  client.subscribe(few);
  let ticks = 0;
  client.on('tick', () => ticks++);
  // A position inside the snapshot is no place to go on from: some live ticks first.
  await vi.waitFor(() => expect(ticks).toBeGreaterThan(5 * few.length), { timeout: WITHIN_MS });
  const recovered: (readonly number[])[] = [];
  client.on('recovered', ({ tokens: which }) => recovered.push(which));
  line.cut();
  await vi.waitFor(() => expect(recovered.flat().length).toBe(few.length), { timeout: WITHIN_MS });
  expect(few.filter((token) => client.freshness(token) !== 'live')).toEqual([]);
  expect(client.droppedTicksCount).toBe(0);
});

/** Closed bars and gaps, in the order in which the application heard of them. */
function noteBars(client: TickerClient): (Bar | BarGap)[] {
  const told: (Bar | BarGap)[] = [];
  client.on('bar', (bar) => {
    if (bar.closed) told.push(bar);
  });
  client.on('gap', (gap) => told.push(gap));
  return told;
}

const startOf = (each: Bar | BarGap | undefined) => each && ('start' in each ? each.start : each.before);

test('a client that nobody could reach for some bars has those that everybody else has', async () => {
  connect();
  const told = noteBars(client);
  neighbour = new sdk.TickerClient({ url: stack.info.ws, token: stack.info.token });
  const others = noteBars(neighbour);
  neighbour.connect();
  await neighbour.subscribeBars(['NSE:RELIANCE'], '1s').accepted;
  const { accepted, rejected } = await client.subscribeBars(['NSE:RELIANCE', 'NSE:NOSUCHTHING'], '1s')
    .accepted;
  expect(accepted).toMatchObject([{ instrument: 'NSE:RELIANCE', interval: '1s' }]);
  expect(rejected).toMatchObject([{ instrument: 'NSE:NOSUCHTHING', code: 'unknown_instrument' }]);
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(1), { timeout: WITHIN_MS });
  line.setDown(true);
  line.cut();
  await vi.waitFor(() => expect(client.freshness('NSE:RELIANCE', '1s')).toBe('stale'), WITHIN_MS);
  const [before, seen] = [told.length, others.length];
  await vi.waitFor(() => expect(others.length).toBeGreaterThan(seen + 2), { timeout: WITHIN_MS });
  line.setDown(false);
  // It would by itself, some seconds later.
  client.connect();
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(before + 3), { timeout: WITHIN_MS });
  neighbour.close();
  client.close();
  const since = others.findIndex((each) => startOf(each) === startOf(told[0]));
  const count = Math.min(told.length, others.length - since);
  expect(count).toBeGreaterThan(before + 2);
  expect(told.slice(0, count)).toEqual(others.slice(since, since + count));
});

test('the edge dies: no bar is missing without a word', async () => {
  connect();
  const told = noteBars(client);
  client.subscribeBars(['NSE:RELIANCE'], '1s');
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(1), { timeout: WITHIN_MS });
  const back = stack.nextReady('workerd');
  stack.kill('workerd');
  await back;
  const before = told.length;
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(before + 2), { timeout: WITHIN_MS });
  for (const [index, each] of told.entries()) {
    const previous = told[index - 1];
    if (!('start' in each) || !previous) continue;
    if ('before' in previous) expect(each.start).toBe(previous.before);
    else if (each.previous_start !== undefined) expect(each.previous_start).toBe(previous.start);
    else expect(Date.parse(each.start), 'nothing can be between').toBe(Date.parse(previous.start) + 1_000);
  }
});

test('list is the server’s account of all that was subscribed', async () => {
  connect();
  client.subscribe(['NSE:RELIANCE'], { mode: 'quote', speed: 250, filter: { min_change: 0.05 } });
  client.subscribeBars(['NSE:RELIANCE'], '1m');
  expect(await client.list()).toMatchObject({
    items: [{ token: 738_561, mode: 'quote', speed: 250, filter: { min_change: 0.05 } }],
    bars: [{ token: 738_561, interval: '1m' }],
  });
});

test('a token that runs out is renewed on the open socket', async () => {
  // The warning comes a minute before the end.
  connect(62);
  client.subscribe(tokens);
  const renewed = new Promise((resolve) => client.on('renewed', resolve));
  await renewed;
  expect(tokensAsked).toBe(2);
  expect(sockets).toHaveLength(1);
});

test('a refused token is replaced once; a client that has no other gives up and says why', async () => {
  connect();
  client.close();
  const offered = ['not.a.token', await stack.mint()];
  client = new sdk.TickerClient({ url: stack.info.ws, token: () => offered.shift() ?? '' });
  client.connect();
  await client.ready();
  expect(offered).toEqual([]);
  client.close();
  client = new sdk.TickerClient({ url: stack.info.ws, token: 'not.a.token' });
  client.connect();
  await expect(client.ready()).rejects.toThrow(/^unauthorized: Authentication failed: .*\(1008\)$/);
});
