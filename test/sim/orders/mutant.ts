// Faults that are put into the executor's ports on purpose: the simulation has to find each of them.

import type { BookRows } from '../../../ingest/core/orders/kite-order.ts';
import type { WriteOutcome, WriteReply } from '../../../ingest/core/orders/outcome.ts';
import { classifyWrite } from '../../../ingest/core/orders/outcome-class.ts';
import type { ClaimAnswer, ClaimAsk, LoadedOrders } from '../../../ingest/orders/ports.ts';
import type { OrderDatabase } from './order-database.ts';

export interface Mutant {
  readonly isFenced: boolean;
  classify(reply: WriteReply): WriteOutcome;
  load(database: OrderDatabase, epoch: number): LoadedOrders;
  claim(database: OrderDatabase, ask: ClaimAsk, later: (run: () => void) => void): ClaimAnswer;
  confirm(confirm: () => Promise<void>): Promise<void>;
  look(book: BookRows): BookRows;
}

/** As it should be. */
export const SOUND: Mutant = {
  isFenced: true,
  classify: classifyWrite,
  load: (database) => database.load(),
  claim: (database, ask) => database.claim(ask),
  confirm: (confirm) => confirm(),
  look: (book) => book,
};

const notSent: WriteOutcome = { kind: 'not_sent', problem: 'so it seems' };

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a timeout is retried': {
    ...SOUND,
    classify: (reply) => (reply.kind === 'lost' ? notSent : classifyWrite(reply)),
  },
  'a 400 that says timed out is a refusal': {
    ...SOUND,
    classify: (reply) => {
      const outcome = classifyWrite(reply);
      const isTimedOut = reply.kind === 'answered' && reply.httpStatus === 400 && outcome.kind === 'unknown';
      return isTimedOut ? { kind: 'refused', code: 'OrderException', message: 'timed out' } : outcome;
    },
  },
  'a 5xx is retried': {
    ...SOUND,
    classify: (reply) =>
      reply.kind === 'answered' && reply.httpStatus >= 500 ? notSent : classifyWrite(reply),
  },
  'after a 429 it is sent again without a look at the book': {
    ...SOUND,
    classify: (reply) => {
      const outcome = classifyWrite(reply);
      return outcome.kind === 'throttled' ? notSent : outcome;
    },
  },
  'nothing is fenced': { ...SOUND, isFenced: false },
  'what another process was sending is sent again': {
    ...SOUND,
    load: (database, epoch) => {
      const loaded = database.load();
      return { ...loaded, tasks: loaded.tasks.map((task) => ({ ...task, sendingEpoch: epoch })) };
    },
  },
  'SENDING is stored after it was sent': {
    ...SOUND,
    claim: (database, ask, later) => {
      const answer = database.claim(ask);
      if (answer.kind === 'claimed') later(database.takeBack(answer.task.id));
      return answer;
    },
  },
  'what was sent before is not counted': {
    ...SOUND,
    load: (database) => ({ ...database.load(), sent: [] }),
  },
  'a row of the book that cannot be read is left out': {
    ...SOUND,
    look: ({ orders }) => ({ orders, unread: [] }),
  },
  'the lease is not confirmed before sending': { ...SOUND, confirm: () => Promise.resolve() },
};
