// One HTTP request, sent once, and the word on whether Kite can have seen it.
//
// Not fetch: on a 421 that sends the request a second time by itself (undici, httpNetworkOrCacheFetch), and after an error
// it cannot say whether anything had left.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { RequestMethod } from '../core/request-pace.ts';

export interface HttpRequest {
  readonly method: RequestMethod;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** False: on a connection of its own, which nobody can have closed a moment ago. */
  readonly mayReuseConnection: boolean;
  readonly replyBytesMax: number;
  readonly signal: AbortSignal;
  /** Ends the request only if there is no connection yet: then nothing of it leaves any more. */
  readonly unsentSignal: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly httpStatus: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** No whole answer came: `cause` is the network's error, or the signal's reason. */
export class UnansweredError extends Error {
  /** False when no connection came to be: then nothing of the request has left. */
  readonly mayHaveArrived: boolean;

  constructor(cause: unknown, mayHaveArrived: boolean) {
    super('no answer', { cause });
    this.name = 'UnansweredError';
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** The reply is larger than it may be. */
export class ReplyTooBigError extends Error {}

async function readText(response: IncomingMessage, bytesMax: number): Promise<string> {
  const isZipped = response.headers['content-encoding'] === 'gzip';
  const body: Readable = isZipped ? response.pipe(createGunzip()) : response;
  // A pipe does not pass on that its source has broken off.
  if (isZipped) response.on('error', (error) => body.destroy(error));
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new ReplyTooBigError('reply too big');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The answer, whatever its status. Rejects with UnansweredError or ReplyTooBigError; the request is never repeated. */
export async function sendOnce(url: URL, request: HttpRequest): Promise<HttpAnswer> {
  const { method, headers, body, mayReuseConnection, replyBytesMax, signal, unsentSignal } = request;
  let mayHaveArrived = false;
  const isSecure = url.protocol === 'https:';
  const sending = (isSecure ? httpsRequest : httpRequest)(url, {
    method,
    headers: {
      ...headers,
      'Accept-Encoding': 'gzip',
      ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    },
    signal,
    ...(mayReuseConnection ? {} : { agent: false }),
  });
  sending.on('socket', (socket) => {
    const connected = () => {
      mayHaveArrived = true;
    };
    if (!socket.connecting) connected();
    else socket.once(isSecure ? 'secureConnect' : 'connect', connected);
  });
  const giveUpUnsent = () => {
    if (!mayHaveArrived) sending.destroy(new Error('no connection in time'));
  };
  unsentSignal?.addEventListener('abort', giveUpUnsent);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sending.on('response', resolve);
      sending.on('error', reject);
      // An answer that changes the protocol is no response, and its connection ends without an error.
      sending.on('close', () => reject(new Error('closed without an answer')));
      sending.end(body);
    });
    const text = await readText(response, replyBytesMax);
    return { httpStatus: response.statusCode ?? 0, headers: response.headers, text };
  } catch (error) {
    sending.destroy();
    if (error instanceof ReplyTooBigError) throw error;
    throw new UnansweredError(signal.aborted ? signal.reason : error, mayHaveArrived);
  } finally {
    unsentSignal?.removeEventListener('abort', giveUpUnsent);
  }
}
