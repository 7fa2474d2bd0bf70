// For edge tests: has the `postgres` package import workerd's sockets when it is loaded, not each time it connects.
import type { Plugin } from 'vitest/config';

const LATE = "const { connect } = await import('cloudflare:sockets')";
const AHEAD = 'const { connect } = sockets';

/**
 * Vite's module runner looks an import up by asking Node, and all who import the same at once wait for one promise:
 * requests that connect to the database at the same time wait for each other's. workerd keeps such requests apart only
 * by a mark on the promise, and its optimising compilers make promises without the mark: once the runner is hot,
 * requests go on in each other's contexts, fail with "Cannot perform I/O on behalf of a different request", or never
 * end. In a deployed Worker an import asks nobody and shares nothing.
 */
export const importSocketsAhead: Plugin = {
  name: 'import-sockets-ahead',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/postgres/cf/polyfills.js')) return undefined;
    if (!code.includes(LATE)) throw new Error(`${id}: where it imports its sockets is not known`);
    return `import * as sockets from 'cloudflare:sockets'\n${code.replace(LATE, AHEAD)}`;
  },
};
