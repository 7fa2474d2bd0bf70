// Kite's REST API, as far as the sidecar reads it: the daily dump of all instruments.
import { INSTRUMENT_DUMP_BYTES_MAX, INSTRUMENT_DUMP_MS_MAX } from '../../shared/limits.ts';

/**
 * Streams the dump of all instruments, unzipped, chunk by chunk. Kite does not check authorisation here, but asks for
 * the version. Throws an Error that names what was wrong: the status, a body that is not CSV (the CDN in front of Kite
 * answers errors with an HTML page and status 200), one that is too big, or the time that ran out.
 */
export async function* fetchInstruments(
  apiRoot: string,
  signal: AbortSignal,
  bytesMax = INSTRUMENT_DUMP_BYTES_MAX,
): AsyncGenerator<Uint8Array> {
  const url = new URL('/instruments', apiRoot);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(INSTRUMENT_DUMP_MS_MAX)]);
  const response = await fetch(url, {
    headers: { 'X-Kite-Version': '3', 'Accept-Encoding': 'gzip' },
    signal: deadline,
  });
  const contentType = response.headers.get('content-type') ?? 'none';
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`GET ${url.href}: status ${response.status}`);
  }
  if (!/^text\/csv\b/i.test(contentType)) {
    await response.body.cancel();
    throw new Error(`GET ${url.href}: content-type ${contentType}, expected text/csv`);
  }
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`GET ${url.href}: body over ${bytesMax} bytes`);
    yield chunk;
  }
}
