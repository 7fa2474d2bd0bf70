// dev.json: what a running local system tells scripts and tests about itself.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const PART_NAMES = ['database', 'simulator', 'userService', 'workerd', 'sidecar'] as const;
export type PartName = (typeof PART_NAMES)[number];

export interface DevJson {
  /** Edge endpoints. */
  readonly url: string;
  readonly ws: string;
  /** For Kite's own clients. */
  readonly kiteWs: string;
  /** JWT of a demo user with every permission, good for a day. */
  readonly token: string;
  /** API key with every scope. */
  readonly apiKey: string;
  readonly userService: string;
  /** Where the sidecar finds Kite: the simulator, absent in live mode. */
  readonly kite?: { readonly api: string; readonly ws: string };
  readonly postgres: string;
  /** Loopback status of the sidecar. */
  readonly sidecar: string;
  /** Process ids, true at the time of writing; a part that is down is absent. */
  readonly pids: { readonly [name in 'dev' | PartName]?: number };
}

export function devJsonPath(dataDir: string): string {
  return join(dataDir, 'dev.json');
}

/** Replaces the file in one step: a reader sees the old one or the new one. It holds a token, a key and a password. */
export function writeDevJson(dataDir: string, content: DevJson): void {
  const path = devJsonPath(dataDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeDevJson(dataDir: string): void {
  rmSync(devJsonPath(dataDir), { force: true });
}
