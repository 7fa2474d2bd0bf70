// A Kite account as the sidecar uses it: who it is at Kite, and how much it may carry.

/** Plain values of one moment: whoever holds one is told of changes by getting a new one. */
export interface KiteAccount {
  /** The name that operators, `/accounts` and pinned subscriptions use. */
  readonly id: string;
  readonly apiKey: string;
  /** Today's token; absent until somebody has logged in. */
  readonly accessToken?: string;
  /** A disabled account keeps its row and carries nothing. */
  readonly isEnabled: boolean;
  /** Sockets, at most KITE_CONNECTIONS_PER_ACCOUNT_MAX. */
  readonly connectionsMax: number;
  /** Instruments per socket, at most KITE_INSTRUMENTS_PER_CONNECTION_MAX. */
  readonly instrumentsMax: number;
}
