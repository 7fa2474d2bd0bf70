// Types of the Worker's bindings: what wrangler.toml and the secrets provide.
import type { ClientGateway } from './durable/client-gateway.ts';
import type { ControlLink } from './durable/control-link.ts';
import type { InstrumentShard } from './durable/instrument-shard.ts';

export interface Env {
  readonly INSTRUMENT_SHARD: DurableObjectNamespace<InstrumentShard>;
  readonly CLIENT_GATEWAY: DurableObjectNamespace<ClientGateway>;
  readonly CONTROL_LINK: DurableObjectNamespace<ControlLink>;
  readonly DB: Hyperdrive;
  readonly ASSETS: Fetcher;
  /** Base address of the service that issues tokens; its keys are at /v1/auth/.well-known/jwks.json. */
  readonly USER_SERVICE_URL: string;
  readonly JWT_ISSUER: string;
  readonly JWT_AUDIENCE: string;
  /** A JSON Web Key Set as text. Set, it replaces the fetch from the user service. */
  readonly JWT_JWKS?: string;
  /** Shared with the sidecar, which signs every post with it. */
  readonly INGEST_SECRET: string;
  /** API keys are stored as their HMAC under it. */
  readonly API_KEY_PEPPER: string;
  /** What accounts' credentials are sealed with: `id:<64 hex digits>`, the current key first. The sidecar has the same. */
  readonly CREDENTIALS_KEYS: string;
  /** Web pages that may open sockets: see core/origin.ts. Absent, only our own. */
  readonly ALLOWED_ORIGINS?: string;
  /** Gateways per region that clients are spread over, as `apac-se=4 weur=2`. Absent, one each, and more when it is full. */
  readonly GATEWAY_SLOTS?: string;
  /** 'development' opens /ws/stats and /metrics to everybody; anything else asks for `stats:read`. */
  readonly ENVIRONMENT?: string;
}
