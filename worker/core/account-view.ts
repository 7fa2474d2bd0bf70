// An account as /accounts shows it: its row, and what the sidecar last said of it. Never a credential.
import { STATUS_AGE_MS_MAX } from '../../shared/limits.ts';
import type { AccountState, AccountStatus, LoginStatus, SidecarStatus } from '../../shared/status.ts';

/** A row without its credentials; times are ISO 8601 in UTC. */
export interface AccountRecord {
  readonly id: string;
  readonly api_key: string;
  readonly user_id: string | null;
  readonly enabled: boolean;
  readonly connections_max: number;
  readonly instruments_max: number;
  readonly has_secret: boolean;
  readonly has_token: boolean;
  readonly token_issued_at: string | null;
  readonly token_expires_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface AccountView extends Omit<AccountRecord, 'api_key'> {
  /** The last characters: enough to tell apps apart. */
  readonly api_key_ends: string;
  /** `unknown` when no sidecar runs, or it has not heard of the account yet. */
  readonly state: AccountState | 'unknown';
  readonly login?: LoginStatus['state'];
  readonly warning?: LoginStatus['warning'];
  readonly sockets: AccountStatus['sockets'];
  /** Instruments: what its sockets may carry, what they carry, and what they could take over at once. */
  readonly capacity: { readonly instruments: number; readonly used: number; readonly free: number };
}

/** The sidecar's report with its age. */
export interface TimedReport {
  readonly status: SidecarStatus;
  readonly receivedAtMs: number;
}

const API_KEY_CHARS_SHOWN = 4;

/** The accounts that a sidecar which is alive reports, by id. */
export function reportedAccounts(
  reported: TimedReport | undefined,
  nowMs: number,
): ReadonlyMap<string, AccountStatus> {
  if (!reported?.status.running || nowMs - reported.receivedAtMs > STATUS_AGE_MS_MAX) return new Map();
  return new Map(reported.status.accounts.map((status) => [status.id, status]));
}

export function accountView(record: AccountRecord, status: AccountStatus | undefined): AccountView {
  const { api_key: apiKey, ...shown } = record;
  const instruments = record.enabled ? record.connections_max * record.instruments_max : 0;
  const { login } = status ?? {};
  return {
    ...shown,
    api_key_ends: apiKey.slice(-API_KEY_CHARS_SHOWN),
    state: record.enabled ? (status?.state ?? 'unknown') : 'disabled',
    ...(login ? { login: login.state } : {}),
    ...(login?.warning ? { warning: login.warning } : {}),
    sockets: status?.sockets ?? [],
    capacity: status
      ? { instruments: status.capacity, used: status.instruments, free: status.room }
      : { instruments, used: 0, free: instruments },
  };
}
