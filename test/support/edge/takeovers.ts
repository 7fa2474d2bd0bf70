// Who may have been taken over: whose epoch another client of the same user has sent a resume position of.
import type { HostileClient } from './hostile-client.ts';

/** The epoch of the position in a message; undefined when it has none. */
function epochClaimed(message: string | Uint8Array): string | undefined {
  if (typeof message !== 'string' || !message.includes('"resume"')) return undefined;
  try {
    return (JSON.parse(message) as { resume?: { epoch?: string } }).resume?.epoch;
  } catch {
    return undefined;
  }
}

interface TakenOver {
  readonly client: HostileClient;
  readonly claimants: ReadonlySet<HostileClient>;
}

export class Takeovers {
  /** By epoch of a connection that is open, the clients that have sent a position of it. */
  readonly #claimants = new Map<string, Set<HostileClient>>();
  readonly #all: TakenOver[] = [];

  get count(): number {
    return this.#all.length;
  }

  /** The client has been welcomed: from here on its position can be sent. */
  watch({ epoch }: HostileClient): void {
    if (epoch !== undefined) this.#claimants.set(epoch, new Set());
  }

  /** The client has sent the message. */
  noteSent(client: HostileClient, message: string | Uint8Array): void {
    const epoch = epochClaimed(message);
    if (epoch !== undefined) this.#claimants.get(epoch)?.add(client);
  }

  /** The client has gone: what it was claimed by is judged later, when the claimants know whose they are. */
  end(client: HostileClient): void {
    const claimants = this.#claimants.get(client.epoch ?? '') ?? new Set();
    this.#claimants.delete(client.epoch ?? '');
    if (client.isTakenOver) this.#all.push({ client, claimants });
  }

  /** Those that were sent away though nobody of the same user had claimed their place. */
  unclaimed(): string[] {
    const isClaimed = ({ client, claimants }: TakenOver) =>
      [...claimants].some((other) => other !== client && other.userId === client.userId);
    return this.#all.flatMap((taken) =>
      isClaimed(taken) ? [] : [`${taken.client.userId}, epoch ${taken.client.epoch}`],
    );
  }
}
