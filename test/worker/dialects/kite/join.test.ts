// A burst carried out at once leaves a client where its messages one after the other would have.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClientCommand } from '../../../../worker/core/protocol.ts';
import { kite } from '../../../../worker/dialects/kite.ts';

const tokens = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 });
const message = fc.oneof(
  tokens.map((v) => ({ a: 'subscribe', v })),
  tokens.map((v) => ({ a: 'unsubscribe', v })),
  fc.tuple(fc.constantFrom('ltp', 'quote', 'full'), tokens).map((v) => ({ a: 'mode', v })),
  fc.constant({ a: 'nothing' }),
);

/** Modes of a client that had some, after these commands in their order. */
function carriedOut(
  before: ReadonlyMap<number, number>,
  commands: readonly ClientCommand[],
): Map<number, number> {
  const modes = new Map(before);
  for (const command of commands) {
    if (command.kind === 'unsubscribe') for (const token of command.tokens) modes.delete(token);
    if (command.kind !== 'subscribe') continue;
    for (const { token, rank, keepsTerms } of command.items)
      if (!keepsTerms || !modes.has(token)) modes.set(token, rank);
  }
  return modes;
}

const joinCommands = (commands: readonly ClientCommand[]) => kite.joinCommands?.(commands) ?? [];

test('whatever the client had and sends, and few commands do it', () => {
  const had = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(1, 2, 3)));
  fc.assert(
    fc.property(had, fc.array(message, { maxLength: 60 }), (pairs, messages) => {
      const before = new Map(pairs);
      const commands = messages.map((each) => kite.parse(JSON.stringify(each)));
      const joined = joinCommands(commands);
      expect(carriedOut(before, joined)).toEqual(carriedOut(before, commands));
      expect(joined.length).toBeLessThanOrEqual(2);
    }),
    { numRuns: 500 },
  );
});

test('what was wrong in any of them is told', () => {
  const commands = [
    { a: 'subscribe', v: [5, -1] },
    { a: 'mode', v: ['full', [5, 1e99]] },
  ].map((each) => kite.parse(JSON.stringify(each)));
  const [command] = joinCommands([
    ...commands,
    { kind: 'refused', code: 'message_too_big', message: 'too long' },
  ]);
  expect(command).toMatchObject({ kind: 'refused', message: 'too long' });
  expect(joinCommands(commands)).toMatchObject([{ rejected: [{ item: -1 }, { item: 1e99 }] }]);
});
