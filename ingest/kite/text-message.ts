// The text messages of Kite's ticker (kite.trade/docs/connect/v3/websocket): order updates, errors and notices.
import { z } from 'zod';

const TextMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('order'), data: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.literal('error'), data: z.string() }),
  z.object({ type: z.literal('message'), data: z.unknown() }),
]);
export type TextMessage = z.infer<typeof TextMessage>;

/** The message, or undefined if it is none of those that Kite documents. */
export function parseTextMessage(text: string): TextMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = TextMessage.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
