// Order events of a client: each once and in order, and after a break from where it was.
import { expect, test } from 'vitest';
import { CLIENT_SDK_REFUSED_RETRY_MS } from '../../../shared/limits.ts';
import { createScene, type Scene, type ScriptedSocket } from './scripted-server.ts';

const update = (seq: number) => ({
  type: 'order_update',
  order_seq: seq,
  account_id: 'main',
  data: { order_id: String(seq) },
});

/** A client that wants orders, and what it has told its application. */
function createOrderScene() {
  const scene = createScene();
  const told: unknown[] = [];
  scene.client.on('order', ({ order_seq: seq, account_id: account, data }) => {
    expect([account, data]).toEqual(['main', { order_id: String(seq) }]);
    told.push(seq);
  });
  scene.client.on('ordersMissed', ({ order_seq: seq }) => told.push(`missed before ${seq}`));
  scene.client.on('error', (error) => told.push(error.kind === 'server' ? error.code : error));
  scene.client.subscribeOrders();
  return { scene, told };
}

function answer(socket: ScriptedSocket, fields: object): void {
  const { id } = socket.commands('subscribe').at(-1) ?? {};
  socket.say({ type: 'subscribed', kind: 'orders', id, ...fields });
}

async function reconnect(scene: Scene): Promise<ScriptedSocket> {
  scene.socket.drop(1006);
  scene.clock.advance(30_000);
  return scene.connect();
}

test('they come from the answer on, each once', async () => {
  const { scene, told } = createOrderScene();
  const socket = await scene.connect();
  expect(socket.sent).toEqual([{ action: 'subscribe', kind: 'orders', id: 1 }]);
  socket.say(update(7));
  answer(socket, { order_seq: 7 });
  for (const seq of [7, 8, 8, 9, 8]) socket.say(update(seq));
  expect(told).toEqual([8, 9]);
});

test('after a break the missed ones come first, whatever comes live meanwhile', async () => {
  const { scene, told } = createOrderScene();
  answer(await scene.connect(), { order_seq: 4 });
  scene.socket.say(update(5));
  const socket = await reconnect(scene);
  expect(socket.commands('subscribe')).toEqual([{ action: 'subscribe', kind: 'orders', after: 5, id: 2 }]);
  socket.say(update(9));
  answer(socket, { order_seq: 5, recovered: true });
  for (const seq of [6, 7, 8, 9, 10]) socket.say(update(seq));
  expect(told).toEqual([5, 6, 7, 8, 9, 10]);
});

test('a number that is missing is asked for on the same connection', async () => {
  const { scene, told } = createOrderScene();
  const socket = await scene.connect();
  answer(socket, { order_seq: 1 });
  for (const seq of [2, 5, 6]) socket.say(update(seq));
  scene.clock.advance(1_000);
  expect(socket.commands('subscribe').at(-1)).toMatchObject({ after: 2 });
  expect(socket.commands('subscribe')).toHaveLength(2);
  answer(socket, { order_seq: 2, recovered: true });
  for (const seq of [3, 4, 5, 6]) socket.say(update(seq));
  expect(told).toEqual([2, 3, 4, 5, 6]);
});

test('what cannot be had any more is told, and it goes on from there', async () => {
  const { scene, told } = createOrderScene();
  answer(await scene.connect(), { order_seq: 4 });
  const socket = await reconnect(scene);
  answer(socket, { order_seq: 5_000, recovered: false });
  socket.say(update(5_001));
  expect(told).toEqual(['missed before 5000', 5_001]);
});

test('a server that cannot answer now is asked again, one that forbids it is not', async () => {
  const { scene, told } = createOrderScene();
  const socket = await scene.connect();
  socket.say({ type: 'error', message: 'away', code: 'database_unavailable', id: 1 });
  scene.clock.advance(2 * CLIENT_SDK_REFUSED_RETRY_MS);
  expect(socket.commands('subscribe')).toHaveLength(2);
  socket.say({ type: 'error', message: 'no', code: 'forbidden', id: 2 });
  scene.clock.advance(10 * CLIENT_SDK_REFUSED_RETRY_MS);
  expect(socket.commands('subscribe')).toHaveLength(2);
  expect(told).toEqual(['database_unavailable', 'forbidden']);
  // The next connection may be with another token.
  expect((await reconnect(scene)).commands('subscribe')).toHaveLength(1);
});

test('who does not want them is told nothing, and asks for nothing', async () => {
  const scene = createScene();
  const told: unknown[] = [];
  scene.client.on('order', (order) => told.push(order));
  scene.client.on('error', (error) => told.push(error));
  const socket = await scene.connect();
  socket.say(update(1));
  socket.say({ type: 'order_update', data: {} });
  scene.clock.advance(1_000);
  expect([socket.sent, told]).toEqual([[], []]);
});
