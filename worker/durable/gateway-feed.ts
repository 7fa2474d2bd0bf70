// What a gateway knows of the feed: learned when its first client comes, and told to all clients when it changes.
import { FEED_LEARN_MS_MAX } from '../../shared/limits.ts';
import type { FeedEvent } from '../core/feed.ts';
import type { Env } from '../env.ts';
import type { ClientSockets } from './client-sockets.ts';
import { controlStub } from './stubs.ts';

export class GatewayFeed {
  readonly #gateway: string;
  readonly #env: Env;
  readonly #sockets: ClientSockets;
  /** As it was last heard of; asked for when the first client comes. */
  #feed: FeedEvent | undefined;

  constructor(gateway: string, env: Env, sockets: ClientSockets) {
    this.#gateway = gateway;
    this.#env = env;
    this.#sockets = sockets;
  }

  get current(): FeedEvent | undefined {
    return this.#feed;
  }

  /** The feed has changed. Who hears an earlier event after a later one ignores it. */
  change(feed: FeedEvent): void {
    const before = this.#feed;
    if (before && feed.timestampMs <= before.timestampMs) return;
    this.#feed = feed;
    this.#sockets.tellAll({ kind: 'feed', feed, ...(before ? { stateBefore: before.state } : {}) });
  }

  /** Announces the gateway when its first client comes, and learns what the feed is like: changes come by themselves. */
  async learn(): Promise<void> {
    if (this.#feed) return;
    try {
      const late = new Promise<undefined>((resolve) => setTimeout(resolve, FEED_LEARN_MS_MAX));
      const feed = await Promise.race([controlStub(this.#env).announceGateway(this.#gateway), late]);
      if (feed) this.change(feed);
    } catch (error) {
      console.warn(`gateway ${this.#gateway}: not announced: ${error}`);
    }
  }
}
