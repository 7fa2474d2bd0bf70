import { expect, test } from 'vitest';
import { AppError } from '../../../shared/client/index.ts';
import {
  CLIENT_SDK_INSTRUMENTS_MAX,
  CLIENT_SDK_REQUESTS_OPEN_MAX,
  CLIENT_SDK_SUBSCRIPTIONS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
} from '../../../shared/limits.ts';
import { bar, createScene } from './scripted-server.ts';

const tokens = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index);

test('no message names more instruments than the server takes, or than it takes by itself', async () => {
  for (const limits of [undefined, { tokens_per_message: 500 }]) {
    const scene = createScene();
    scene.client.subscribe(tokens(4_000));
    const socket = await scene.connect({ limits });
    const counts = socket.commands('subscribe').map((command) => (command.tokens as number[]).length);
    const most = limits?.tokens_per_message ?? CLIENT_TOKENS_PER_MESSAGE_MAX;
    expect(Math.max(...counts)).toBe(most);
    expect(counts.reduce((sum, count) => sum + count)).toBe(4_000);
  }
});

test('no message has more characters than the server takes', async () => {
  const scene = createScene();
  const symbols = tokens(2_000, 10_000).map((number) => `NFO:NIFTY26NOV${number}CE`);
  const subscription = scene.client.subscribe(symbols);
  const socket = await scene.connect({ limits: { message_chars: 4_096 } });
  const texts = () => socket.sent.map((command) => JSON.stringify(command));
  // 2,000 symbols of 23 characters, quotes and comma included, are 46,000.
  expect(texts().length).toBe(13);
  expect(Math.max(...texts().map(({ length }) => length))).toBeLessThanOrEqual(4_096);
  expect(socket.sent.flatMap((command) => command.symbols)).toEqual(symbols);
  for (const { id } of socket.commands('subscribe')) socket.say({ type: 'subscribed', id, total: 1 });
  subscription.unsubscribe();
  scene.clock.advance(5_000);
  expect(socket.commands('unsubscribe').flatMap((command) => command.symbols)).toEqual(symbols);
  expect(Math.max(...texts().map(({ length }) => length))).toBeLessThanOrEqual(4_096);
});

test('nor when it names the last bar of each instrument', async () => {
  const scene = createScene();
  const wanted = tokens(400, 4_000_000_000);
  scene.client.subscribeBars(wanted, '1m');
  const first = await scene.connect();
  first.acknowledge({ kind: 'bar', interval: '1m' });
  for (const token of wanted) first.say(bar(token, 10, { closed: true }));
  first.drop(1006);
  scene.clock.advance(30_000);
  const socket = await scene.connect({ limits: { message_chars: 4_096 } });
  const texts = socket.sent.map((command) => JSON.stringify(command));
  expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(4_096);
  const named = socket.sent.flatMap((command) => command.items as { token: number }[]);
  expect(named.map(({ token }) => token)).toEqual(wanted);
});

test('no more requests are open than the server queues; the rest follow the answers', async () => {
  const scene = createScene();
  scene.client.subscribe(tokens(100));
  const socket = await scene.connect({ limits: { tokens_per_message: 1 } });
  expect(socket.commands('subscribe')).toHaveLength(CLIENT_SDK_REQUESTS_OPEN_MAX);
  for (let answered = 0; answered < 100; ) {
    const commands = socket.commands('subscribe');
    expect(commands.length - answered).toBeLessThanOrEqual(CLIENT_SDK_REQUESTS_OPEN_MAX);
    for (const { id, tokens: asked } of commands.slice(answered)) {
      socket.say({ type: 'subscribed', id, tokens: asked, total: 1 });
    }
    answered = commands.length;
    scene.clock.advance(4_000);
  }
  expect(socket.commands('subscribe').flatMap((command) => command.tokens)).toEqual(tokens(100));
});

test('wanted instruments are bounded; one too many changes nothing', async () => {
  const scene = createScene();
  const subscription = scene.client.subscribe(tokens(CLIENT_SDK_INSTRUMENTS_MAX));
  expect(() => scene.client.subscribe([4_000_000])).toThrow(AppError);
  expect(() => scene.client.subscribe([1, 4_000_000])).toThrow(
    `at most ${CLIENT_SDK_INSTRUMENTS_MAX} per client`,
  );
  expect(subscription.instruments).toHaveLength(CLIENT_SDK_INSTRUMENTS_MAX);
  subscription.unsubscribe([1]);
  scene.client.subscribe([4_000_000]);
});

// Each of the ten thousand waits for its acknowledgement, and looks at the others' of the same instrument.
test('subscriptions that are never given up are bounded', { timeout: 60_000 }, () => {
  const scene = createScene();
  for (let count = 0; count < CLIENT_SDK_SUBSCRIPTIONS_MAX; count++) scene.client.subscribe([1]);
  expect(() => scene.client.subscribe([1])).toThrow(`at most ${CLIENT_SDK_SUBSCRIPTIONS_MAX} subscriptions`);
  scene.client.unsubscribe([1]);
  scene.client.subscribe([1]);
});
