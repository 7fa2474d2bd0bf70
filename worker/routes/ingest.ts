// The sidecar's door: signed posts, checked here and handed on undecoded.
import { Hono } from 'hono';
import { AppError, ERRORS } from '../../shared/errors.ts';
import { BATCH_BYTES_MAX, STATUS_BYTES_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import { readBody, verifyDial, verifyPost } from '../auth/ingest-signature.ts';
import { controlStub, shardStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';
import { parseStatus } from './sidecar-status.ts';

export const ingest = new Hono<{ Bindings: Env }>();

ingest.post('/batch/:shard{[0-9]+}', async (c) => {
  const shard = Number(c.req.param('shard'));
  if (shard >= SHARD_COUNT) throw new AppError('not_found', `shard ${shard} of ${SHARD_COUNT}`);
  const body = await readBody(c.req.raw, BATCH_BYTES_MAX);
  const signedAtMs = await verifyPost(c.req.raw, body, c.env.INGEST_SECRET, Date.now());
  const result = await shardStub(c.env, shard).ingest(body, signedAtMs);
  if (!result.ok) throw new AppError(result.code, result.message);
  return c.json(result.reply);
});

ingest.post('/status', async (c) => {
  const body = await readBody(c.req.raw, STATUS_BYTES_MAX);
  const signedAtMs = await verifyPost(c.req.raw, body, c.env.INGEST_SECRET, Date.now());
  const verdict = await controlStub(c.env).report(parseStatus(body), signedAtMs);
  if (verdict === 'replayed')
    throw new AppError('ingest_replayed', `post signed at ${signedAtMs} is not newer`);
  if (verdict === 'superseded') throw new AppError('ingest_superseded', 'a later sidecar is active');
  return c.json({ taken: true });
});

ingest.get('/control', async (c) => {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new AppError('upgrade_required', `${c.req.path} is a WebSocket endpoint`);
  }
  await verifyDial(c.req.raw, c.env.INGEST_SECRET, Date.now());
  const response = await controlStub(c.env).fetch(c.req.raw);
  if (response.status === ERRORS.ingest_superseded.httpStatus) {
    throw new AppError('ingest_superseded', 'a later sidecar is active');
  }
  if (response.status === ERRORS.ingest_replayed.httpStatus) {
    throw new AppError('ingest_replayed', 'a dial signed at that time or later is here already');
  }
  return response;
});
