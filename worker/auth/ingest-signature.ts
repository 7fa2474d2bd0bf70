// The sidecar's credential: every post is signed over its time, its path and its body with a shared secret, and its dial of
// the control link over its epoch.
import { signedEpoch } from '../../shared/control.ts';
import { AppError } from '../../shared/errors.ts';
import { INGEST_HEADERS, signedPrefix } from '../../shared/frame.ts';
import { INGEST_CLOCK_SKEW_MS_MAX } from '../../shared/limits.ts';
import { readDial } from '../core/dial.ts';

const keys = new Map<string, CryptoKey>();

async function keyOf(secret: string): Promise<CryptoKey> {
  const known = keys.get(secret);
  if (known) return known;
  const bytes = new TextEncoder().encode(secret);
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify']);
  keys.set(secret, key);
  return key;
}

function parseSignature(text: string | null): Uint8Array | undefined {
  if (text === null || !/^[0-9a-f]{64}$/.test(text)) return undefined;
  return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

/** The body of a request, read up to `bytesMax`; throws `code` before more than that is held. */
export async function readBody(
  request: Request,
  bytesMax: number,
  code: 'ingest_too_big' | 'message_too_big' = 'ingest_too_big',
): Promise<Uint8Array> {
  const tooBig = (bytes: number | string) =>
    new AppError(code, `body of ${bytes} bytes, at most ${bytesMax}`);
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > bytesMax) throw tooBig(declared);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > bytesMax) throw tooBig(`over ${bytesMax}`);
    chunks.push(chunk);
  }
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return body;
}

/**
 * Checks a post and returns the time that it was signed with, in ms. Throws `ingest_unsigned`, `ingest_time` or
 * `ingest_signature`. That a post is not a repeat is for the object to say that it is for: it knows the last one.
 */
export async function verifyPost(
  request: Request,
  body: Uint8Array,
  secret: string,
  nowMs: number,
): Promise<number> {
  const time = request.headers.get(INGEST_HEADERS.time);
  const signature = parseSignature(request.headers.get(INGEST_HEADERS.signature));
  if (time === null || !/^\d{13}$/.test(time) || !signature) {
    throw new AppError(
      'ingest_unsigned',
      `${INGEST_HEADERS.time} and ${INGEST_HEADERS.signature} are required`,
    );
  }
  const timeMs = Number(time);
  if (Math.abs(timeMs - nowMs) > INGEST_CLOCK_SKEW_MS_MAX) {
    throw new AppError('ingest_time', `signed at ${timeMs}, here it is ${nowMs}: clocks differ too much`);
  }
  const prefix = signedPrefix(timeMs, new URL(request.url).pathname);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  // subtle.verify compares in constant time.
  if (!(await crypto.subtle.verify('HMAC', await keyOf(secret), signature, signed))) {
    throw new AppError('ingest_signature', 'signature does not match');
  }
  return timeMs;
}

/** Checks a dial of the control link as `verifyPost` does a post. That it is no repeat is for its object to say, too. */
export async function verifyDial(request: Request, secret: string, nowMs: number): Promise<void> {
  const dial = readDial(request.headers);
  if (!dial) {
    throw new AppError('ingest_unsigned', `${INGEST_HEADERS.epoch} and ${INGEST_HEADERS.time} are required`);
  }
  await verifyPost(request, signedEpoch(dial.epoch), secret, nowMs);
}
