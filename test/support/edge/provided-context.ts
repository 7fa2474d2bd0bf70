// What the global setup of the edge project hands to the tests inside workerd.
import type { JWK } from 'jose';

export interface EdgeContext {
  /** A migrated database of this run. */
  readonly databaseUrl: string;
  readonly ingestSecret: string;
  /** Public key set, as text, that the Worker verifies tokens by. */
  readonly jwks: string;
  readonly signingKey: JWK;
}

declare module 'vitest' {
  interface ProvidedContext {
    edge: EdgeContext;
    /** Where a Node test asks for a database of its own: see test/support/database.ts. */
    databaseHost: string;
  }
}
