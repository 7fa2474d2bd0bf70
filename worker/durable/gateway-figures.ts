// What a gateway tells of itself: counts for everybody, and for operators who is here and what its memory holds.
import type { ConnectionQuota } from '../core/connection-quota.ts';
import type { DepartedSessions } from '../core/departed-sessions.ts';
import type { GatewayBook } from '../core/gateway-book.ts';
import type { GatewayCounts, GatewayHoldings, GatewayStats } from '../core/gateway-stats.ts';
import type { ClientSockets } from './client-sockets.ts';
import type { GatewayFlusher } from './gateway-flusher.ts';
import type { SessionLife } from './session-life.ts';
import type { ShardCalls } from './shard-calls.ts';
import type { SymbolBook } from './symbol-book.ts';

export interface GatewayParts {
  readonly gateway: string;
  readonly book: GatewayBook;
  readonly departed: DepartedSessions;
  readonly quota: ConnectionQuota;
  readonly sockets: ClientSockets;
  readonly flusher: GatewayFlusher;
  readonly calls: ShardCalls;
  readonly symbols: SymbolBook;
  readonly life: SessionLife;
}

export class GatewayFigures {
  readonly #parts: GatewayParts;
  /** Totals since the gateway's last reset. */
  readonly counters = { messages_received: 0, pushes_received: 0, upgrades: 0 };

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  counts(): GatewayCounts {
    const { sockets, book } = this.#parts;
    return { connections: sockets.size, subscriptions: book.subscriptions.total };
  }

  stats(): GatewayStats {
    const { gateway, sockets, book, calls, flusher } = this.#parts;
    return {
      gateway,
      connections: [...sockets.all()].map(({ index, identity, bearer }) => ({
        connection_id: identity.connectionId,
        user_id: bearer?.userId ?? '',
        subscriptions: book.subscriptions.countOf(index),
        connected_at: new Date(identity.connectedAtMs).toISOString(),
      })),
      total_subscriptions: book.subscriptions.total,
      tokens: book.subscribedTokens(),
      holdings: this.#holdings(),
      resyncs: calls.resyncs,
      ...this.counters,
      ...flusher.counters,
      ticks_sent: book.delivery.ticksSent,
    };
  }

  #holdings(): GatewayHoldings {
    const { book, departed, quota, symbols, life } = this.#parts;
    const { size: awaited } = departed;
    return {
      ...book.holdings(),
      awaited,
      deadlines: life.deadlines,
      ...quota.sizes,
      symbols: symbols.size,
    };
  }
}
