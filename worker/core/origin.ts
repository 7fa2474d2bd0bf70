// Which web pages may open sockets: browsers say where a page is from, and CORS does not cover WebSockets.

interface Origin {
  readonly scheme: string;
  readonly host: string;
  /** Empty for the scheme's own. */
  readonly port: string;
}

/** An allowed origin; a `host` that starts with a dot stands for everything below it. */
type OriginPattern = Origin | 'every';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;
/** At least two labels below a wildcard: `*.com` would let in everybody who can buy a name. */
const WILDCARD_HOST = /^\*(\.[a-z0-9_-]+){2,}$/;

/** An origin as RFC 6454 writes it; undefined for anything else, as `null`, which pages without an origin send. */
function parseOrigin(text: string): Origin | undefined {
  const match = ORIGIN.exec(text.toLowerCase());
  if (!match) return undefined;
  const [, scheme = '', host = '', port = ''] = match;
  return { scheme, host, port: port === DEFAULT_PORTS[scheme] ? '' : port };
}

function parsePattern(entry: string): OriginPattern {
  if (entry === '*') return 'every';
  const [, scheme = 'https', rest = ''] = /^(?:(.*):\/\/)?(.*)$/.exec(entry.toLowerCase()) ?? [];
  const [, wildcard, port = ''] = /^(\*.*?)(?::(\d{1,5}))?$/.exec(rest) ?? [];
  if (wildcard === undefined) {
    const origin = parseOrigin(`${scheme}://${rest}`);
    if (origin) return origin;
  } else if (WILDCARD_HOST.test(wildcard)) {
    const origin = parseOrigin(`${scheme}://host${port === '' ? '' : `:${port}`}`);
    if (origin) return { ...origin, host: wildcard.slice(1) };
  }
  throw new Error(`ALLOWED_ORIGINS: ${JSON.stringify(entry)} is no origin: write https://app.example.com`);
}

function matches(origin: Origin, pattern: OriginPattern): boolean {
  if (pattern === 'every') return true;
  if (origin.scheme !== pattern.scheme || origin.port !== pattern.port) return false;
  return pattern.host.startsWith('.') ? origin.host.endsWith(pattern.host) : origin.host === pattern.host;
}

/**
 * Whether a request with this `Origin` header may open a socket.
 *
 * - No header: yes. Only browsers send it, and only they carry a page that somebody else wrote.
 * - `allowed` undefined or empty: the page's host and port are those of the request. The scheme is not compared, as TLS
 *   may end before us.
 * - Else one of the comma-separated entries: `https://app.example.com`, `http://localhost:5173`, `*.example.com` (every
 *   name below it, not itself), `*` (every page). Without a scheme it is https, without a port the scheme's own.
 *
 * Throws an error that names an entry which is no origin: a list that lets in nobody has to be noticed.
 */
export function isOriginAllowed(
  originHeader: string | null,
  requestUrl: { readonly protocol: string; readonly host: string },
  allowed: string | undefined,
): boolean {
  const entries = (allowed ?? '').split(',').flatMap((entry) => entry.trim() || []);
  const patterns = entries.map(parsePattern);
  if (originHeader === null || patterns.includes('every')) return true;
  const origin = parseOrigin(originHeader);
  if (!origin) return false;
  if (patterns.length > 0) return patterns.some((pattern) => matches(origin, pattern));
  const own = parseOrigin(`${requestUrl.protocol}//${requestUrl.host}`);
  return origin.host === own?.host && origin.port === own.port;
}
