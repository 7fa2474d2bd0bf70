// What the set-up of a test run hands to the tests.
import type { JWK } from 'jose';

export interface EdgeContext {
  readonly ingestSecret: string;
  readonly apiKeyPepper: string;
  readonly credentialsKeys: string;
  /** Public key set, as text, that the Worker verifies tokens by. */
  readonly jwks: string;
  readonly signingKey: JWK;
}

/** Of the fuzzers: how many messages, and by which seed, so that a failure can be repeated. */
export interface FuzzContext {
  readonly messages: number;
  readonly seed: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    edge: EdgeContext;
    fuzz: FuzzContext;
    /** Answers each request with the address of a new database: see test/support/database.ts. */
    databaseHost: string;
  }
}
