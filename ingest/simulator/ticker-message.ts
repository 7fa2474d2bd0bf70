// What a client says on Kite's ticker socket (kite.trade/docs/connect/v3/websocket), parsed the way Kite forgives it.
import { z } from 'zod';
import type { TickMode } from '../../shared/tick.ts';

export type TickerCommand =
  | { readonly action: 'subscribe'; readonly tokens: readonly number[] }
  | { readonly action: 'unsubscribe'; readonly tokens: readonly number[] }
  | { readonly action: 'mode'; readonly mode: TickMode; readonly tokens: readonly number[] };

/** Kite ignores tokens that are not JSON numbers without a word. */
const tokens = z
  .array(z.unknown())
  .transform((values) => values.filter((value): value is number => typeof value === 'number'));

const message = z.union([
  z.object({ a: z.enum(['subscribe', 'unsubscribe']), v: tokens }),
  z.object({ a: z.literal('mode'), v: z.tuple([z.enum(['ltp', 'quote', 'full']), tokens]) }),
]);

/** The command, or undefined for anything else: the socket never answers and never closes over a bad message. */
export function parseTickerCommand(text: string): TickerCommand | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = message.safeParse(json);
  if (!parsed.success) return undefined;
  const { a, v } = parsed.data;
  return a === 'mode' ? { action: a, mode: v[0], tokens: v[1] } : { action: a, tokens: v };
}
