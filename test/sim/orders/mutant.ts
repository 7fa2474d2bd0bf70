// Faults that are put into the executor's ports on purpose: the simulation has to find each of them.

import type { WriteOutcome, WriteReply } from '../../../ingest/core/orders/outcome.ts';
import { classifyWrite } from '../../../ingest/core/orders/outcome-class.ts';
import type { OrderEventDraft, TaskChange } from '../../../ingest/core/orders/task.ts';
import type { ClaimAnswer, ClaimAsk, CommitAnswer } from '../../../ingest/orders/ports.ts';
import type { OrderDatabase } from './order-database.ts';

export interface Mutant {
  classify(reply: WriteReply): WriteOutcome;
  claim(database: OrderDatabase, ask: ClaimAsk): ClaimAnswer;
  commit(
    database: OrderDatabase,
    epoch: number,
    changes: readonly TaskChange[],
    events: readonly OrderEventDraft[],
  ): CommitAnswer;
  confirm(confirm: () => Promise<void>): Promise<void>;
}

/** As it should be. */
export const SOUND: Mutant = {
  classify: classifyWrite,
  claim: (database, ask) => database.claim(ask),
  commit: (database, epoch, changes, events) => database.commit(epoch, changes, events),
  confirm: (confirm) => confirm(),
};

const notSent: WriteOutcome = { kind: 'not_sent', problem: 'so it seems' };
const currentEpoch = (database: OrderDatabase) => database.lease?.epoch ?? 0;

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
  'nothing is fenced': {
    ...SOUND,
    claim: (database, ask) => database.claim({ ...ask, epoch: currentEpoch(database) }),
    commit: (database, _, changes, events) => database.commit(currentEpoch(database), changes, events),
  },
  'the lease is not confirmed before sending': { ...SOUND, confirm: () => Promise.resolve() },
};
