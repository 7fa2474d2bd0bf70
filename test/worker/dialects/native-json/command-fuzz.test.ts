// Hostile messages through the parser alone: it never throws, and what it lets through is what a command may be.
import { expect, inject, test } from 'vitest';
import { parseInstrumentToken } from '../../../../shared/instrument.ts';
import {
  CLIENT_COMMAND_ID_CHARS_MAX,
  CLIENT_SYMBOL_CHARS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
} from '../../../../shared/limits.ts';
import type { ClientCommand } from '../../../../worker/core/protocol.ts';
import { SPEEDS } from '../../../../worker/core/protocol.ts';
import { nativeJson } from '../../../../worker/dialects/native-json.ts';
import { SeededRandom } from '../../../ingest/support/seeded-random.ts';
import type {} from '../../../support/edge/provided-context.ts';
import { HostileMessages, seedOf } from '../../../support/hostile-messages.ts';

/** Characters of one refusal: no answer may repeat at length what was sent. */
const REFUSAL_CHARS_MAX = 1_000;
/** Of each rejected item. */
const REJECTED_CHARS_MAX = 400;

/** What is wrong with a command, undefined when nothing is. */
function faultOf(command: ClientCommand): string | undefined {
  if (typeof command.id === 'string' && command.id.length > CLIENT_COMMAND_ID_CHARS_MAX) return 'long id';
  if (command.kind === 'refused') {
    const text = nativeJson.encode({ ...command, kind: 'error' });
    return text.length > REFUSAL_CHARS_MAX ? `refusal of ${text.length} characters` : undefined;
  }
  if (command.kind !== 'subscribe' && command.kind !== 'unsubscribe') return undefined;
  const tokens = command.kind === 'subscribe' ? command.items.map(({ token }) => token) : command.tokens;
  const symbols =
    command.kind === 'subscribe' ? command.symbols.map(({ symbol }) => symbol) : command.symbols;
  const count = tokens.length + symbols.length + command.rejected.length;
  if (count > CLIENT_TOKENS_PER_MESSAGE_MAX) return `${count} items`;
  if (new Set(tokens).size !== tokens.length) return 'a token twice';
  const stray = tokens.find((token) => parseInstrumentToken(token) === undefined);
  if (stray !== undefined) return `token ${stray}`;
  if (symbols.some((symbol) => symbol.length > CLIENT_SYMBOL_CHARS_MAX)) return 'a long symbol';
  const terms = command.kind === 'subscribe' ? [...command.items, ...command.symbols] : [];
  if (terms.some(({ rank, speed }) => ![1, 2, 3].includes(rank) || !SPEEDS.includes(speed)))
    return 'bad terms';
  const text = nativeJson.encode({ kind: 'unsubscribed', tokens: [], rejected: command.rejected, total: 0 });
  return text.length > 100 + command.rejected.length * REJECTED_CHARS_MAX ? 'long rejections' : undefined;
}

test('whatever is sent, a command comes out of it, and nothing is polluted', () => {
  const { messages, seed } = inject('fuzz');
  const generator = new HostileMessages(new SeededRandom(seedOf(seed, 0)), {
    tokens: Array.from({ length: 50 }, (_, i) => (i + 1) * 256 + 1),
    symbols: ['NSE:INFY'],
    jwts: ['a.b.c'],
    epochs: ['e'],
  });
  const kinds = new Map<string, number>();
  for (let i = 0; i < messages; i++) {
    const message = generator.next();
    const sent = typeof message === 'string' ? message : (message.buffer as ArrayBuffer);
    let command: ClientCommand;
    try {
      command = nativeJson.parse(sent);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed}: message ${i} throws: ${error}: ${String(message).slice(0, 200)}`);
    }
    const fault = faultOf(command);
    if (fault) throw new Error(`FUZZ_SEED=${seed}: message ${i}: ${fault}: ${String(message).slice(0, 200)}`);
    kinds.set(command.kind, (kinds.get(command.kind) ?? 0) + 1);
  }
  const reached = [...kinds.keys()].sort();
  expect(reached).toEqual([
    'authenticate',
    'list',
    'ping',
    'refused',
    'subscribe',
    'subscribe_bars',
    'unsubscribe',
    'unsubscribe_bars',
  ]);
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>).action).toBeUndefined();
});
