// The body of an HTTP request as text.
import type { IncomingMessage } from 'node:http';
import { SIMULATOR_REQUEST_BODY_BYTES_MAX } from '../../shared/limits.ts';
import { inputError } from './kite-error.ts';

/** Rejects with KiteError 400 when it is too long. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Left early, a request would be destroyed with its connection, and with it the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Uint8Array)) continue;
    bytes += chunk.byteLength;
    if (bytes > SIMULATOR_REQUEST_BODY_BYTES_MAX)
      throw inputError(`Request body exceeds ${SIMULATOR_REQUEST_BODY_BYTES_MAX} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
