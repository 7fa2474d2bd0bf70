// The one object that knows the parts: which gateways there are, what the sidecar last said of itself, the feed's state,
// and the socket to the sidecar.
import { DurableObject } from 'cloudflare:workers';
import type { ControlAnswer, ControlRequestName, WakeUp } from '../../shared/control.ts';
import { POSTBACKS_AT_ONCE_MAX, STATUS_AGE_MS_MAX } from '../../shared/limits.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import { readDial } from '../core/dial.ts';
import { type FeedEvent, type FeedReport, feedAt, isSameFeed, nextFeedCheckAtMs } from '../core/feed.ts';
import { orderEventIn } from '../core/order-event.ts';
import type { Env } from '../env.ts';
import { SidecarSocket } from './sidecar-socket.ts';
import { gatewayStub } from './stubs.ts';

const GATEWAY_PREFIX = 'gateway:';
const FEED_KEY = 'feed';
const FENCE_KEY = 'fence';

/** Outlives this object's memory: neither an earlier sidecar nor a recorded dial may get in after a reset. */
interface Fence {
  /** Of the latest sidecar; earlier ones are refused. */
  readonly epoch: number;
  /** When the last dial of that one was signed. */
  readonly dialledAtMs: number;
}

export interface ReportedStatus {
  readonly status: SidecarStatus;
  readonly receivedAtMs: number;
}

export type StatusVerdict = 'taken' | 'replayed' | 'superseded';

export class ControlLink extends DurableObject<Env> {
  #reported: ReportedStatus | undefined;
  #signedAtMs = 0;
  readonly #firstReportLateAtMs = Date.now() + STATUS_AGE_MS_MAX + 1;
  /** What the gateways were told last, also by this object before it lost its memory. */
  #told: FeedEvent | undefined;
  #stampedAtMs = 0;
  /** Gateways that the last event did not reach: told again at the next look. */
  readonly #unheard = new Set<string>();
  #alarmAtMs: number | undefined;
  /** Postbacks that wait for the sidecar. */
  #postbacks = 0;
  #fence: Fence;
  readonly #sidecar: SidecarSocket;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#fence = ctx.storage.kv.get<Fence>(FENCE_KEY) ?? { epoch: 0, dialledAtMs: 0 };
    this.#sidecar = new SidecarSocket(ctx, (name, payload) => this.#onNotice(name, payload));
    this.#told = ctx.storage.kv.get<FeedEvent>(FEED_KEY);
    this.#stampedAtMs = this.#told?.timestampMs ?? 0;
  }

  /**
   * A gateway says that it exists, and is told of the feed from now on; the answer is the feed as it is. Names are few
   * (regions x slots) and are kept for ever.
   */
  announceGateway(name: string): FeedEvent {
    this.ctx.storage.kv.put(GATEWAY_PREFIX + name, Date.now());
    return this.feed();
  }

  gateways(): string[] {
    return [...this.ctx.storage.kv.list({ prefix: GATEWAY_PREFIX })].map(([key]) =>
      key.slice(GATEWAY_PREFIX.length),
    );
  }

  /** Takes the sidecar's report. A lost one costs a second: the next is on its way. */
  report(status: SidecarStatus, signedAtMs: number): StatusVerdict {
    if (status.epoch < this.#fence.epoch) return 'superseded';
    const isKnown = status.epoch === this.#reported?.status.epoch;
    if (isKnown && signedAtMs <= this.#signedAtMs) return 'replayed';
    if (status.epoch > this.#fence.epoch) this.#raiseFence({ epoch: status.epoch, dialledAtMs: 0 });
    this.#signedAtMs = signedAtMs;
    this.#reported = { status, receivedAtMs: Date.now() };
    this.#checkFeed();
    return 'taken';
  }

  /** The last report, however old; undefined if there was none since this object started. */
  reported(): ReportedStatus | undefined {
    return this.#reported;
  }

  /** The feed as it is now. */
  feed(): FeedEvent {
    const nowMs = Date.now();
    // Whoever hears two of them must be able to tell which is the later, also within a millisecond.
    this.#stampedAtMs = Math.max(nowMs, this.#stampedAtMs + 1);
    return { ...this.#feedAt(nowMs), timestampMs: this.#stampedAtMs };
  }

  /** The sidecar's dial: an upgrade that the Worker has checked, but for whether it is a later one than the last. */
  override fetch(request: Request): Response {
    const dial = readDial(request.headers);
    if (!dial) throw new Error('a dial that nobody has checked');
    const { epoch, signedAtMs } = dial;
    const fence = this.#fence;
    if (epoch < fence.epoch) return new Response('superseded' satisfies StatusVerdict, { status: 409 });
    if (epoch === fence.epoch && signedAtMs <= fence.dialledAtMs) {
      return new Response('replayed' satisfies StatusVerdict, { status: 401 });
    }
    this.#raiseFence({ epoch, dialledAtMs: signedAtMs });
    return this.#sidecar.accept(epoch);
  }

  /** Asks the sidecar. Never rejects by itself; a call that this object's reset cuts off does. */
  async request(name: ControlRequestName, question: unknown, deadlineMs: number): Promise<ControlAnswer> {
    if (name !== 'postback') return this.#sidecar.request(name, question, deadlineMs);
    if (this.#postbacks >= POSTBACKS_AT_ONCE_MAX) {
      const message = `${POSTBACKS_AT_ONCE_MAX} postbacks wait for the sidecar already`;
      return { ok: false, code: 'rate_limited', message };
    }
    this.#postbacks++;
    const answer = await this.#sidecar.request(name, question, deadlineMs);
    this.#postbacks--;
    return answer;
  }

  /** Tells the sidecar of news; false when none is connected. */
  wake(name: WakeUp): boolean {
    return this.#sidecar.wake(name);
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    this.#sidecar.onMessage(socket, data);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#sidecar.onClose(socket, code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#sidecar.onClose(socket, 1011);
  }

  #raiseFence(fence: Fence): void {
    this.#fence = fence;
    this.ctx.storage.kv.put(FENCE_KEY, fence);
    this.#sidecar.supersede(fence.epoch);
  }

  override alarm(): void {
    this.#alarmAtMs = undefined;
    this.#checkFeed();
  }

  /**
   * Hands an order event to all gateways. One that it does not reach reads it from the database when the next comes, or when
   * it looks there. Names that this version does not know are for a later one.
   */
  #onNotice(name: string, payload: unknown): void {
    const event = orderEventIn(name, payload);
    if (!event) return;
    for (const gateway of this.gateways()) {
      const call = gatewayStub(this.env, gateway).orderEvent(event);
      this.ctx.waitUntil(
        call.catch((error) => console.warn(`gateway ${gateway} missed an order event: ${error}`)),
      );
    }
  }

  #feedAt(nowMs: number): FeedEvent {
    // This object was started anew: the next report is due within a second, and until it is late nothing has changed.
    if (!this.#reported && this.#told && nowMs < this.#firstReportLateAtMs) return this.#told;
    return feedAt(this.#feedReport(), nowMs);
  }

  #feedReport(): FeedReport | undefined {
    if (!this.#reported) return undefined;
    const { status, receivedAtMs } = this.#reported;
    return { feed: status.feed, isRunning: status.running, receivedAtMs };
  }

  /** Tells the gateways what has changed, and comes back when it may have changed without a report. */
  #checkFeed(): void {
    const feed = this.feed();
    if (!this.#told || !isSameFeed(feed, this.#told)) this.#tell(feed);
    else for (const name of this.#unheard) this.#bring(name, this.#told);
    const nowMs = Date.now();
    const report = this.#feedReport();
    const awaitedAtMs = nowMs < this.#firstReportLateAtMs ? this.#firstReportLateAtMs : undefined;
    const atMs = report ? nextFeedCheckAtMs(report, nowMs) : awaitedAtMs;
    // One that comes too early looks and sets the next: not a write to the storage for each report.
    if (atMs === undefined || (this.#alarmAtMs !== undefined && this.#alarmAtMs <= atMs)) return;
    this.#alarmAtMs = atMs;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(atMs));
  }

  #tell(feed: FeedEvent): void {
    this.#told = feed;
    this.ctx.storage.kv.put(FEED_KEY, feed);
    for (const name of this.gateways()) this.#bring(name, feed);
  }

  #bring(name: string, feed: FeedEvent): void {
    this.#unheard.delete(name);
    const call = gatewayStub(this.env, name).feedChanged(feed);
    this.ctx.waitUntil(
      call.catch((error) => {
        console.warn(`gateway ${name} did not hear of the feed: ${error}`);
        this.#unheard.add(name);
      }),
    );
  }
}
