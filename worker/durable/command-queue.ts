// Clients' messages in their turn: each at a bounded pace, answered in the order of arrival.
import { CLIENT_BURST_ITEMS_MAX, MESSAGES_PER_SECOND_MAX } from '../../shared/limits.ts';
import type { ClientCommand } from '../core/protocol.ts';
import { DIALECTS } from '../dialects/registry.ts';
import type { ClientSockets, Session } from './client-sockets.ts';

/** When a burst that was full is on its way. */
const BURST_RETRY_MS = 1_000 / MESSAGES_PER_SECOND_MAX;

export class CommandQueue {
  readonly #gateway: string;
  readonly #sockets: ClientSockets;
  readonly #carryOut: (session: Session, command: ClientCommand) => Promise<void>;

  constructor(
    gateway: string,
    sockets: ClientSockets,
    carryOut: (session: Session, command: ClientCommand) => Promise<void>,
  ) {
    this.#gateway = gateway;
    this.#sockets = sockets;
    this.#carryOut = carryOut;
  }

  /** Takes a message in; the promise settles when it has been answered, and never rejects. */
  receive(session: Session, message: string | ArrayBuffer): Promise<void> | undefined {
    const { parse } = DIALECTS[session.identity.dialect];
    if (session.burst) return this.#joinBurst(session, session.burst, message);
    const pace = session.rate.take(Date.now(), session.queued);
    if (pace.kind === 'close') return this.#endFlood(session);
    if (pace.kind === 'refuse') return this.#leaveUnread(session, pace.retryAfterMs);
    return this.#enqueue(session, [parse(message)], pace.dueAtMs);
  }

  /** Others of the client wait their turn: this one is carried out with them. */
  #joinBurst(
    session: Session,
    burst: NonNullable<Session['burst']>,
    message: string | ArrayBuffer,
  ): Promise<void> | undefined {
    if (session.rate.isFlood(Date.now())) return this.#endFlood(session);
    const command = DIALECTS[session.identity.dialect].parse(message);
    const items = itemsIn(command);
    if (burst.items + items > CLIENT_BURST_ITEMS_MAX) return this.#leaveUnread(session, BURST_RETRY_MS);
    burst.items += items;
    burst.commands.push(command);
    return session.tail;
  }

  #leaveUnread(session: Session, retryAfterMs: number): undefined {
    const message = 'Too many messages, this one was not read';
    const pause = { retryAfterMs: Math.ceil(retryAfterMs) };
    this.#sockets.tell(session, { kind: 'error', code: 'rate_limited', message, ...pause });
  }

  #endFlood(session: Session): undefined {
    this.#sockets.refuse(session, 'too_many_commands', 'Too many commands');
  }

  #enqueue(session: Session, commands: ClientCommand[], dueAtMs: number): Promise<void> {
    const { joinCommands } = DIALECTS[session.identity.dialect];
    if (joinCommands)
      session.burst = { commands, items: commands.reduce((sum, each) => sum + itemsIn(each), 0) };
    session.queued++;
    session.tail = (session.tail ?? Promise.resolve())
      // One that has left is not waited for: its timers would keep the object from hibernating.
      .then(() => (this.#sockets.get(session.socket) ? waitUntil(dueAtMs) : undefined))
      .then(async () => {
        if (session.burst?.commands === commands) session.burst = undefined;
        for (const command of joinCommands?.(commands) ?? commands) await this.#carryOut(session, command);
      })
      .catch((error) => {
        console.error(`gateway ${this.#gateway}: ${commands[0]?.kind} failed: ${error}`);
        const text = `${commands[0]?.kind} failed, try again`;
        this.#sockets.tell(session, { kind: 'error', code: 'internal', message: text });
      })
      .finally(() => session.queued--);
    return session.tail;
  }
}

/** What a command takes of the memory of those that wait; one that names nothing counts, too. */
function itemsIn(command: ClientCommand): number {
  if (command.kind === 'subscribe') return 1 + command.items.length + command.rejected.length;
  return command.kind === 'unsubscribe' ? 1 + command.tokens.length : 1;
}

function waitUntil(atMs: number): Promise<void> | undefined {
  const waitMs = atMs - Date.now();
  if (waitMs <= 0) return undefined;
  return new Promise((resolve) => setTimeout(resolve, waitMs));
}
