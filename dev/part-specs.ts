// What each part of the local system is: its program and its environment.
import { join } from 'node:path';
import type { DataDir } from './data-dir.ts';
import type { PartName } from './dev-json.ts';
import type { PartSpec } from './part.ts';

export interface Ports {
  readonly edge: number;
  readonly database: number;
  readonly simulator: number;
  readonly userService: number;
  readonly sidecar: number;
}

export interface PartSettings {
  readonly dataDir: DataDir;
  readonly ports: Ports;
  /** False in live mode: the sidecar takes Kite's own addresses and credentials from the environment. */
  readonly simulator: boolean;
  /** Of a server that somebody else runs; absent, ours is started. */
  readonly databaseUrl: string | undefined;
  readonly credentialsKeys: string;
  readonly simulatorArgs: readonly string[];
  /** False for tests: the database does not write through to the disk. */
  readonly durable: boolean;
  /** Environment of the sidecar and variables of the Worker, on top of what the runner sets. */
  readonly sidecarEnv: Readonly<Record<string, string>>;
  readonly edgeVars: Readonly<Record<string, string>>;
}

export function databaseUrlOf({ databaseUrl, dataDir, ports }: PartSettings): string {
  if (databaseUrl !== undefined) return databaseUrl;
  return `postgres://postgres:${dataDir.secrets.databasePassword}@127.0.0.1:${ports.database}/postgres`;
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function sidecarEnv(settings: PartSettings): Record<string, string> {
  const { ports, dataDir } = settings;
  const kite = {
    KITE_API_KEY: dataDir.secrets.simulatorApiKey,
    KITE_ACCESS_TOKEN: dataDir.secrets.simulatorAccessToken,
    KITE_API_SECRET: dataDir.secrets.simulatorApiSecret,
    KITE_API_ROOT: urlOf(ports.simulator),
    KITE_WS_ROOT: `ws://127.0.0.1:${ports.simulator}/`,
    // The simulator's market has no hours.
    MARKET_SESSION: 'always_open',
    // It may list fewer instruments than at its last start.
    INSTRUMENT_LIST_CHECK: 'any',
  };
  return {
    ...(settings.simulator ? kite : {}),
    EDGE_URL: urlOf(ports.edge),
    INGEST_SECRET: dataDir.secrets.ingestSecret,
    STATUS_PORT: String(ports.sidecar),
    DATABASE_URL: databaseUrlOf(settings),
    CREDENTIALS_KEYS: settings.credentialsKeys,
    ...settings.sidecarEnv,
  };
}

/** Every part that these settings call for. */
export function createPartSpecs(settings: PartSettings): ReadonlyMap<PartName, PartSpec> {
  const { ports, dataDir } = settings;
  const { secrets } = dataDir;
  const specs = new Map<PartName, PartSpec>();
  const add = (name: PartName, program: readonly string[], env: Record<string, string>) =>
    specs.set(name, { name, program, env });

  if (settings.databaseUrl === undefined) {
    add('database', ['dev/parts/database.ts'], {
      DATABASE_DIRECTORY: join(dataDir.path, 'postgres'),
      DATABASE_PORT: String(ports.database),
      DATABASE_PASSWORD: secrets.databasePassword,
      DATABASE_DURABLE: String(settings.durable),
    });
  }
  if (settings.simulator) {
    const args = ['ingest/simulator/main.ts', '--port', String(ports.simulator), ...settings.simulatorArgs];
    add('simulator', args, {
      SIM_API_KEY: secrets.simulatorApiKey,
      SIM_API_SECRET: secrets.simulatorApiSecret,
      SIM_ACCESS_TOKEN: secrets.simulatorAccessToken,
      // Where `npm run kite:login` listens by default.
      SIM_REDIRECT_URL: 'http://127.0.0.1:8790/',
    });
  }
  add('userService', ['dev/parts/user-service.ts'], {
    USER_SERVICE_PORT: String(ports.userService),
    SIGNING_KEY: JSON.stringify(secrets.signingKey),
  });
  add('workerd', ['dev/parts/workerd.ts'], {
    EDGE_PORT: String(ports.edge),
    EDGE_DIRECTORY: join(dataDir.path, 'edge'),
    EDGE_VARS: JSON.stringify({
      USER_SERVICE_URL: urlOf(ports.userService),
      ENVIRONMENT: 'development',
      // Whatever page a developer is at work on, wherever it is served.
      ALLOWED_ORIGINS: '*',
      ...settings.edgeVars,
    }),
    DATABASE_URL: databaseUrlOf(settings),
    INGEST_SECRET: secrets.ingestSecret,
    API_KEY_PEPPER: secrets.apiKeyPepper,
    CREDENTIALS_KEYS: settings.credentialsKeys,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_LOG: 'error',
  });
  add('sidecar', ['ingest/main.ts'], sidecarEnv(settings));
  return specs;
}
