// POST /kite/postback: Kite says that an order has changed. Its checksum is the sidecar's to check, which alone has the secrets.
import { Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { POSTBACK_BYTES_MAX } from '../../shared/limits.ts';
import { readBody } from '../auth/ingest-signature.ts';
import type { Env } from '../env.ts';
import { auditRefusals } from './order-audit.ts';
import { checkFields } from './order-bodies.ts';
import { askSidecar } from './sidecar-link.ts';

export const kitePostback = new Hono<{ Bindings: Env }>();

/** Anybody can post here: all of them share one place in the record, and its bound. */
const SENDER = { requestedBy: 'postback', action: 'postback' } as const;

/** What is signed, and by what: nothing else in a postback can be trusted. */
const Signed = z.object({
  order_id: z.string().min(1).max(40),
  order_timestamp: z.string().min(1).max(40),
  checksum: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be 64 hex digits' }),
});
const Answer = z.object({ accepted: z.boolean() });

function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (cause) {
    throw new AppError('invalid_json', 'body is not JSON in UTF-8', { cause });
  }
}

kitePostback.post('/kite/postback', async (c) => {
  await auditRefusals(c, SENDER, async () => {
    const { text, value } = parse(await readBody(c.req.raw, POSTBACK_BYTES_MAX, 'message_too_big'));
    const { order_id: orderId } = checkFields(Signed, value);
    const { accepted } = await askSidecar(c.env, 'postback', { text }, Answer);
    if (accepted) return;
    const message = `checksum: is not of order ${JSON.stringify(orderId)} by the secret of any account`;
    throw new AppError('postback_checksum', message);
  });
  return c.json({ accepted: true });
});
