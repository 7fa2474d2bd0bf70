// POSTs to the edge on kept-alive connections, each signed over its time, its path and its body.
import { createHmac } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { INGEST_HEADERS, signedPrefix } from '../../shared/frame.ts';
import { BATCH_REPLY_BYTES_MAX, INGEST_POST_MS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import type { Clock } from '../clock.ts';

export interface PostReply {
  readonly httpStatus: number;
  readonly text: string;
}

/** Rejects with an Error when there was no whole reply: refused, reset, too big, or not within INGEST_POST_MS_MAX. */
export type Post = (
  path: string,
  contentType: string,
  body: Uint8Array,
  timeMs: number,
) => Promise<PostReply>;

/** Lowercase hex of HMAC-SHA256 over `time \n path \n body`. */
export function signPost(secret: string, timeMs: number, path: string, body: Uint8Array): string {
  return createHmac('sha256', secret).update(signedPrefix(timeMs, path)).update(body).digest('hex');
}

/** Times for one path: each later than the one before it, which is how the edge knows a replay. */
export class SigningTimes {
  readonly #clock: Clock;
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): number {
    this.#lastMs = Math.max(this.#lastMs + 1, this.#clock.wallMs());
    return this.#lastMs;
  }
}

export class EdgeClient {
  readonly #edge: URL;
  readonly #secret: string;
  readonly #clock: Clock;
  readonly #agent: HttpAgent;

  constructor(edgeUrl: string, secret: string, clock: Clock) {
    this.#edge = new URL(edgeUrl);
    this.#secret = secret;
    this.#clock = clock;
    // One post per shard and one status report at a time.
    const options = { keepAlive: true, maxSockets: SHARD_COUNT + 1, noDelay: true };
    this.#agent = this.#edge.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  readonly post: Post = (path, contentType, body, timeMs) =>
    new Promise((resolve, reject) => {
      const send = this.#edge.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(
        new URL(path, this.#edge),
        {
          method: 'POST',
          agent: this.#agent,
          headers: {
            'content-type': contentType,
            'content-length': body.byteLength,
            [INGEST_HEADERS.time]: timeMs,
            [INGEST_HEADERS.signature]: signPost(this.#secret, timeMs, path, body),
          },
        },
        (response) =>
          readReply(response)
            .finally(() => deadline.cancel())
            .then(resolve, reject),
      );
      const deadline = this.#clock.after(INGEST_POST_MS_MAX, () =>
        request.destroy(new Error(`no reply within ${INGEST_POST_MS_MAX} ms`)),
      );
      request.on('error', (error) => {
        deadline.cancel();
        reject(error);
      });
      request.end(body);
    });
}

async function readReply(response: IncomingMessage): Promise<PostReply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += chunk.byteLength;
    if (bytes > BATCH_REPLY_BYTES_MAX) throw new Error(`reply over ${BATCH_REPLY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return { httpStatus: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}
