// Kite's own ticker protocol (kite.trade/docs/connect/v3/websocket): for programs that were written for Kite.
import type { Dialect } from './dialect.ts';
import { parseCommand } from './kite/command.ts';
import { textOf } from './kite/event-text.ts';
import { joinCommands } from './kite/join.ts';
import { KiteRows } from './kite/rows.ts';

export const kite: Dialect = {
  parse: parseCommand,
  encode(event) {
    if (event.kind === 'order_update') return `{"type":"order","data":${event.order}}`;
    const text = textOf(event);
    return text && JSON.stringify(text);
  },
  joinCommands,
  ticks: { kind: 'rows', lacksGreeks: true, createFormat: (records) => new KiteRows(records) },
  heartbeat: new Uint8Array(1),
};
