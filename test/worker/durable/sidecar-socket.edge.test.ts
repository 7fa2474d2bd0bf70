// The control link's socket inside workerd: who may dial, what becomes of requests, and what survives losses of memory.
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import type { ControlAnswer } from '../../../shared/control.ts';
import { INGEST_HEADERS } from '../../../shared/frame.ts';
import {
  CONTROL_MESSAGE_BYTES_MAX,
  CONTROL_REQUESTS_MAX,
  INGEST_CLOCK_SKEW_MS_MAX,
} from '../../../shared/limits.ts';
import type { SidecarStatus } from '../../../shared/status.ts';
import type { Env } from '../../../worker/env.ts';
import { ControlLink } from '../../../worker/index.ts';
import { askSidecar } from '../../../worker/routes/sidecar-link.ts';
import { ControlDialer, dialRequest, nextDialMs } from '../../support/edge/control-dialer.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

const testEnv = env as unknown as Env;
const control = () => testEnv.CONTROL_LINK.getByName('control');
const Answer = z.object({ total: z.number(), tokens: z.array(z.never()) });
const ask = (deadlineMs = 5_000) => askSidecar(testEnv, 'not_placed', null, Answer, deadlineMs);
/** What the route would answer. */
const outcomeOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: { code?: string; httpStatus?: number; message: string }) =>
      `${error.httpStatus} ${error.code}: ${error.message}`,
  );

/** Each test is a later sidecar than the one before: the fence stays. */
let epoch = 1_764_000_000_000;
const dialers: ControlDialer[] = [];
async function dial(parts: Parameters<typeof ControlDialer.open>[0] = {}): Promise<ControlDialer> {
  const dialer = await ControlDialer.open({ epoch, ...parts });
  dialers.push(dialer);
  return dialer;
}

afterEach(() => {
  vi.restoreAllMocks();
  epoch += 1_000;
  for (const { socket } of dialers.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

async function refusalOf(request: Request): Promise<[number, string]> {
  const response = await exports.default.fetch(request);
  return [response.status, ((await response.json()) as { code: string }).code];
}

describe('dials that are refused', () => {
  test('unsigned, mis-signed, altered, stale, and no upgrade', async () => {
    const connected = await dial();
    const without = async (...names: string[]) => {
      const request = await dialRequest({ epoch });
      for (const name of names) request.headers.delete(name);
      return request;
    };
    const { epoch: epochHeader, time, signature } = INGEST_HEADERS;
    for (const name of [epochHeader, time, signature]) {
      expect(await refusalOf(await without(name))).toEqual([401, 'ingest_unsigned']);
    }
    expect(await refusalOf(await without('upgrade'))).toEqual([426, 'upgrade_required']);
    const secret = 'another secret of enough length';
    expect(await refusalOf(await dialRequest({ epoch, secret }))).toEqual([401, 'ingest_signature']);
    const namedEpoch = String(epoch + 500);
    expect(await refusalOf(await dialRequest({ epoch, namedEpoch }))).toEqual([401, 'ingest_signature']);
    for (const skew of [-1, 1]) {
      const timeMs = Date.now() + skew * (INGEST_CLOCK_SKEW_MS_MAX + 2_000);
      expect(await refusalOf(await dialRequest({ epoch, timeMs }))).toEqual([401, 'ingest_time']);
    }
    // None of them has cost the sidecar its socket.
    expect(await control().wake('subscriptions_changed')).toBe(true);
    await connected.received(1);
  });

  test('the same dial again, also when the object has lost its memory, or has been reset', async () => {
    const timeMs = nextDialMs();
    await dial({ timeMs });
    expect(await refusalOf(await dialRequest({ epoch, timeMs }))).toEqual([401, 'ingest_replayed']);
    await evictDurableObject(control());
    expect(await refusalOf(await dialRequest({ epoch, timeMs }))).toEqual([401, 'ingest_replayed']);
    await abortAllDurableObjects();
    expect(await refusalOf(await dialRequest({ epoch, timeMs }))).toEqual([401, 'ingest_replayed']);
    expect(await refusalOf(await dialRequest({ epoch, timeMs: timeMs - 1 }))).toEqual([
      401,
      'ingest_replayed',
    ]);
    await dial();
  });

  test('of an earlier sidecar, whose socket is closed when a later one dials or reports', async () => {
    const first = await dial({ epoch });
    const second = await dial({ epoch: epoch + 1 });
    expect(await first.closed).toMatchObject({ code: 4009 });
    expect(await refusalOf(await dialRequest({ epoch }))).toEqual([409, 'ingest_superseded']);
    const status = { epoch: epoch + 2, running: true, feed: feedStatusOf({}) } as SidecarStatus;
    expect(await control().report(status, Date.now())).toBe('taken');
    expect(await second.closed).toMatchObject({ code: 4009 });
    await evictDurableObject(control());
    expect(await refusalOf(await dialRequest({ epoch: epoch + 1 }))).toEqual([409, 'ingest_superseded']);
    const earlier = { ...status, epoch: epoch + 1 };
    expect(await control().report(earlier, Date.now())).toBe('superseded');
  });
});

describe('requests', () => {
  test('without a sidecar there is no answer, at once', async () => {
    expect(await outcomeOf(ask())).toBe('503 sidecar_unavailable: no sidecar is connected');
    expect(await control().wake('subscriptions_changed')).toBe(false);
  });

  test('each gets the answer that was given to it, in whatever order', async () => {
    const sidecar = await dial();
    const asked = [ask(), ask()];
    await sidecar.received(2);
    const [first, second] = [await sidecar.request(1), await sidecar.request(2)];
    expect(first).toMatchObject({ name: 'not_placed', deadline_ms: 5_000, payload: null });
    sidecar.reply(second.id, { total: 2, tokens: [] });
    sidecar.reply(first.id, { total: 1, tokens: [] });
    sidecar.reply(first.id, { total: 9, tokens: [] });
    expect((await Promise.all(asked)).map(({ total }) => total)).toEqual([1, 2]);
  });

  test('a refusal of the sidecar is the answer, and one that makes no sense is a fault', async () => {
    const sidecar = await dial();
    const refused = outcomeOf(ask());
    const { id } = await sidecar.request(1);
    sidecar.send({ kind: 'reply', id, ok: false, code: 'unknown_request', message: 'never heard of it' });
    expect(await refused).toBe('400 unknown_request: never heard of it');
    const senseless = outcomeOf(ask());
    sidecar.reply((await sidecar.request(2)).id, { total: 'many' });
    expect(await senseless).toMatch(/^undefined undefined: the sidecar's answer to not_placed: total/);
  });

  test('a sidecar that does not answer costs the deadline and no more, and its late answer nothing', async () => {
    const sidecar = await dial();
    expect(await outcomeOf(ask(50))).toBe(
      '503 sidecar_unavailable: the sidecar did not answer not_placed within 50 ms',
    );
    sidecar.reply((await sidecar.request(1)).id, { total: 1, tokens: [] });
    const asked = ask();
    sidecar.reply((await sidecar.request(2)).id, { total: 2, tokens: [] });
    expect((await asked).total).toBe(2);
  });

  test('a socket that is lost, and one that the sidecar replaces, ends them at once', async () => {
    const first = await dial();
    const asked = outcomeOf(ask());
    await first.request(1);
    first.socket.close(1000, 'gone');
    expect(await asked).toBe('503 sidecar_unavailable: the sidecar was cut off');
    const second = await dial();
    const again = outcomeOf(ask());
    await second.request(1);
    const third = await dial();
    expect(await again).toBe('503 sidecar_unavailable: the sidecar was cut off');
    expect(await second.closed).toMatchObject({ code: 4100 });
    const last = ask();
    third.reply((await third.request(1)).id, { total: 3, tokens: [] });
    expect((await last).total).toBe(3);
  });

  test('no more wait than may', async () => {
    const sidecar = await dial();
    const asked = Array.from({ length: CONTROL_REQUESTS_MAX }, () => ask());
    await sidecar.received(CONTROL_REQUESTS_MAX);
    expect(await outcomeOf(ask())).toBe(
      `503 sidecar_unavailable: ${CONTROL_REQUESTS_MAX} requests wait for the sidecar already`,
    );
    for (const message of sidecar.messages) {
      if (message.kind === 'request') sidecar.reply(message.id, { total: 0, tokens: [] });
    }
    await Promise.all(asked);
  });

  test('a question that does not fit a message is refused, and the link stays', async () => {
    const sidecar = await dial();
    const fits = 'x'.repeat(CONTROL_MESSAGE_BYTES_MAX / 2);
    const asked = control().request('not_placed', fits, 5_000);
    sidecar.reply((await sidecar.request(1)).id, null);
    expect(await asked).toEqual({ ok: true, payload: null });
    for (const question of [
      'x'.repeat(CONTROL_MESSAGE_BYTES_MAX),
      '₹'.repeat(CONTROL_MESSAGE_BYTES_MAX / 3),
    ]) {
      expect(await control().request('not_placed', question, 5_000)).toMatchObject({
        ok: false,
        code: 'message_too_big',
      });
    }
    await sidecar.flushed();
    expect(sidecar.messages).toHaveLength(1);
  });
});

describe('losses of memory', () => {
  test('the socket outlives hibernation: requests and wake-ups go on over it', async () => {
    const sidecar = await dial();
    await evictDurableObject(control());
    expect(await control().wake('accounts_changed')).toBe(true);
    expect(await sidecar.received(1)).toEqual([{ kind: 'wake_up', name: 'accounts_changed' }]);
    const asked = ask();
    sidecar.reply((await sidecar.request(2)).id, { total: 4, tokens: [] });
    expect((await asked).total).toBe(4);
  });

  test('a request under way when the object is reset ends with a clear error, and its answer is for nobody', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const sidecar = await dial();
    const asked = outcomeOf(ask());
    const { id } = await sidecar.request(1);
    await abortAllDurableObjects();
    expect(await asked).toBe('503 sidecar_unavailable: the sidecar was cut off, try again');
    expect(warn).toHaveBeenCalledTimes(1);
    const next = await dial();
    const later = ask();
    const request = await next.request(1);
    expect(request.id).not.toBe(id);
    next.reply(id, { total: 1, tokens: [] });
    next.reply(request.id, { total: 2, tokens: [] });
    expect((await later).total).toBe(2);
  });

  test('an answer to a request of an earlier memory is not taken for one of now', async () => {
    const sidecar = await dial();
    const first = ask();
    const { id } = await sidecar.request(1);
    sidecar.reply(id, { total: 1, tokens: [] });
    await first;
    await evictDurableObject(control());
    const second = ask();
    const request = await sidecar.request(2);
    sidecar.reply(id, { total: 1, tokens: [] });
    sidecar.reply(request.id, { total: 2, tokens: [] });
    expect((await second).total).toBe(2);
  });

  test('an object that does not answer at all does not hang its caller', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    vi.spyOn(ControlLink.prototype, 'request').mockReturnValue(new Promise<ControlAnswer>(() => undefined));
    expect(await outcomeOf(ask(10))).toBe('503 sidecar_unavailable: the sidecar was cut off, try again');
  });
});

describe('what the sidecar sends', () => {
  test('pings are answered without the object', async () => {
    const sidecar = await dial();
    const onMessage = vi.spyOn(ControlLink.prototype, 'webSocketMessage');
    sidecar.send('ping');
    await vi.waitFor(() => expect(sidecar.texts).toEqual(['pong']));
    expect(onMessage).not.toHaveBeenCalled();
  });

  test('what is no message, or of a later version, changes nothing', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const sidecar = await dial();
    sidecar.send('{"kind":"event"}');
    sidecar.send({ kind: 'wake_up', name: 'order_filled' });
    sidecar.send({ kind: 'reply', id: 'nobody asked', ok: true, payload: 1 });
    sidecar.send({ kind: 'request', id: '7', name: 'tea', deadline_ms: 100, payload: null });
    expect(await sidecar.received(1)).toEqual([
      {
        kind: 'reply',
        id: '7',
        ok: false,
        code: 'unknown_request',
        message: 'request tea is not known here',
      },
    ]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test('a message over the limit, and bytes, end the socket', async () => {
    const big = await dial();
    big.send(' '.repeat(CONTROL_MESSAGE_BYTES_MAX));
    await big.flushed();
    big.send(' '.repeat(CONTROL_MESSAGE_BYTES_MAX + 1));
    expect(await big.closed).toMatchObject({ code: 1009 });
    const binary = await dial();
    binary.socket.send(new Uint8Array(3));
    expect(await binary.closed).toMatchObject({ code: 1003 });
    expect(await control().wake('subscriptions_changed')).toBe(false);
  });

  test('the object holds no timer when nobody waits: it may hibernate', async () => {
    const sidecar = await dial();
    const clear = vi.spyOn(globalThis, 'clearTimeout');
    const asked = ask();
    sidecar.reply((await sidecar.request(1)).id, { total: 0, tokens: [] });
    await asked;
    // The object's and the route's.
    expect(clear).toHaveBeenCalledTimes(2);
    await runInDurableObject(control(), (_object, state) => {
      expect(state.getWebSockets()).toHaveLength(1);
    });
  });
});
