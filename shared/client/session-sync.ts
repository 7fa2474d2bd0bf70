// What the server of the present connection has been asked and has answered; the difference to what is wanted, as commands.
import {
  CLIENT_MESSAGE_CHARS_MAX,
  CLIENT_SDK_ANSWER_MS_MAX,
  CLIENT_SDK_REFUSED_RETRY_MS,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
} from '../limits.ts';
import type { WantedStream } from './desired-state.ts';
import type { ErrorMessage, RejectedItem, ServerLimits, SubscribedMessage } from './message.ts';
import type { AskedStream, CommandFields, StreamKind } from './stream-kind.ts';
import type { Instrument } from './subscription-options.ts';

/** What is known of one stream: `asked` without an answer, `pending` for its first value, `live`, `rejected`. */
export interface StreamStatus<Options> {
  readonly wire: Instrument;
  readonly options: Options;
  readonly requestId: number;
  state: 'asked' | 'pending' | 'live' | 'rejected';
  /** The server has taken it once: ticks are of this stream, not of one that was given up before. */
  isStreaming: boolean;
  refusal?: { readonly code: string; readonly message: string };
  /** What the server has of it is not known, or not liked: asked once more. */
  isUncertain?: boolean;
  /** A passing refusal is asked again then. */
  retryAtMs?: number;
}

interface OpenRequest {
  readonly kind: 'subscribe' | 'recovery';
  readonly keys: readonly Instrument[];
  readonly sentAtMs: number;
}

export interface SubscribeOutcome {
  /** Those of a resumed request that the server will bring up to date by itself. */
  readonly recovering: readonly Instrument[];
  readonly rejected: readonly RejectedItem[];
}

/** Refusals that may be over in a moment; the others stand until the next connection or the next subscribe call. */
const PASSING_CODES = new Set(['shard_unavailable', 'symbols_unavailable', 'too_many_commands', 'internal']);
/** Characters of a command beside its instruments. */
const COMMAND_FRAME_CHARS = 400;

export class SessionSync<Options> {
  readonly #kind: StreamKind<Options>;
  readonly #nextId: () => number;
  readonly #streams = new Map<Instrument, StreamStatus<Options>>();
  readonly #requests = new Map<number, OpenRequest>();
  #limits: ServerLimits = {};

  /** `nextId` counts the commands of the client, whatever they are about. */
  constructor(kind: StreamKind<Options>, nextId: () => number) {
    this.#kind = kind;
    this.#nextId = nextId;
  }

  get openRequestsCount(): number {
    return this.#requests.size;
  }

  /** A new connection: its server knows nothing yet. */
  begin(limits: ServerLimits): void {
    this.end();
    this.#limits = limits;
  }

  /** The connection is lost, and with it what its server knew. */
  end(): void {
    this.#streams.clear();
    this.#requests.clear();
  }

  /** Whether a request with this id waits for its answer. */
  hasAsked(id: number | undefined): boolean {
    return id !== undefined && this.#requests.has(id);
  }

  statusOf(key: Instrument): StreamStatus<Options> | undefined {
    return this.#streams.get(key);
  }

  /** Streams that the server has taken. */
  *accepted(): Iterable<[Instrument, StreamStatus<Options>]> {
    for (const entry of this.#streams) if (isAccepted(entry[1])) yield entry;
  }

  /**
   * The commands that make the server's set equal to `wanted`, by canonical key, with no more than `requestsMax` that
   * wait for an answer; what is left comes with the next call. Removals go first: the server counts a client's
   * subscriptions.
   */
  plan(
    wanted: ReadonlyMap<Instrument, WantedStream<Options>>,
    nowMs: number,
    requestsMax: number,
  ): CommandFields[] {
    const commands = this.#isResolving() ? [] : this.#removals(wanted);
    let room = requestsMax;
    for (const streams of this.#groups(wanted, nowMs)) {
      for (const chunk of this.#chunks(streams, ({ wire }) => wire, this.#kind.itemChars)) {
        if (room-- <= 0) return commands;
        commands.push(this.#ask(chunk, nowMs));
      }
    }
    return commands;
  }

  /** A command that is answered once everything before it has been delivered. */
  markRecovery(keys: readonly Instrument[], nowMs: number): CommandFields {
    const id = this.#nextId();
    this.#requests.set(id, { kind: 'recovery', keys, sentAtMs: nowMs });
    return { action: 'ping', id };
  }

  /** The instruments whose missed ticks have all been delivered, when the pong says so. */
  onPong(id: number | undefined): readonly Instrument[] {
    const request = id === undefined ? undefined : this.#requests.get(id);
    if (id === undefined || request?.kind !== 'recovery') return [];
    this.#requests.delete(id);
    return request.keys;
  }

  onSubscribed(message: SubscribedMessage, nowMs: number): SubscribeOutcome {
    const taken = this.#takeSubscribe(message.id);
    if (!taken) return { recovering: [], rejected: [] };
    const refused = new Map(message.rejected.map((item) => [keyOf(item.instrument), item]));
    const pending = new Set<Instrument>(message.pending);
    const tokenOf = new Map(message.names.map(({ symbol, token }) => [symbol.toUpperCase(), token]));
    const rejected: RejectedItem[] = [];
    const recovering: Instrument[] = [];
    for (const key of taken.keys) {
      const stream = this.#streams.get(key);
      if (stream?.requestId !== taken.id) continue;
      const wire = keyOf(stream.wire);
      const refusal = refused.get(wire);
      if (refusal) {
        this.#refuse(stream, refusal, undefined, nowMs);
        rejected.push(refusal);
        continue;
      }
      const token = typeof wire === 'string' ? (tokenOf.get(wire) ?? wire) : wire;
      stream.state = pending.has(token) ? 'pending' : 'live';
      stream.isStreaming = true;
      if (message.recovered) recovering.push(key);
    }
    return { recovering, rejected };
  }

  /** Refusals that an error means: of a whole request by its id, of the tokens that it names, or of nothing. */
  onError(error: ErrorMessage, nowMs: number): readonly RejectedItem[] {
    const taken = error.id === undefined ? undefined : this.#takeSubscribe(error.id);
    const keys = taken?.keys ?? error.tokens ?? [];
    const rejected: RejectedItem[] = [];
    for (const key of keys) {
      const stream = this.#streams.get(key);
      if (!stream || (taken && stream.requestId !== taken.id)) continue;
      const refusal = { code: error.code ?? 'rejected', message: error.message };
      this.#refuse(stream, refusal, error.retry_after_ms, nowMs);
      rejected.push({ instrument: stream.wire, ...refusal });
    }
    return rejected;
  }

  /** A first value has come. */
  onTick(token: number): void {
    const stream = this.#streams.get(token);
    if (stream?.state === 'pending') stream.state = 'live';
  }

  /** Requests that nobody answered are forgotten, so that `plan` asks again; gives what they were about. */
  expire(nowMs: number): {
    readonly asked: readonly Instrument[];
    readonly recovering: readonly Instrument[];
  } {
    const asked: Instrument[] = [];
    const recovering: Instrument[] = [];
    for (const [id, { kind, keys, sentAtMs }] of this.#requests) {
      if (nowMs - sentAtMs < CLIENT_SDK_ANSWER_MS_MAX) continue;
      this.#requests.delete(id);
      if (kind === 'recovery') recovering.push(...keys);
      else asked.push(...keys.filter((key) => this.#streams.get(key)?.requestId === id));
    }
    for (const key of asked) this.#doubt(key);
    return { asked, recovering };
  }

  /** When there is something to do without news: the next expiry or the next retry, on the clock of `nowMs`. */
  nextDueMs(): number | undefined {
    let dueMs = Infinity;
    for (const { sentAtMs } of this.#requests.values())
      dueMs = Math.min(dueMs, sentAtMs + CLIENT_SDK_ANSWER_MS_MAX);
    for (const { retryAtMs } of this.#streams.values()) dueMs = Math.min(dueMs, retryAtMs ?? Infinity);
    return dueMs === Infinity ? undefined : dueMs;
  }

  /** A symbol's token became known, or changed: its stream goes by the new key. */
  rename(from: Instrument, to: number): void {
    const stream = this.#streams.get(from);
    if (!stream) return;
    this.#streams.delete(from);
    // Asked for by both names, nobody knows which options the server kept.
    const other = this.#streams.get(to);
    if (other) {
      stream.isUncertain = true;
      stream.isStreaming ||= other.isStreaming;
    }
    this.#streams.set(to, stream);
    for (const [id, request] of this.#requests) {
      if (!request.keys.includes(from)) continue;
      const keys = request.keys.map((key) => (key === from ? to : key));
      this.#requests.set(id, { ...request, keys });
    }
  }

  /** The application asks again for what was refused. */
  forgetRefusal(key: Instrument): void {
    if (this.#streams.get(key)?.state === 'rejected') this.#doubt(key);
  }

  #doubt(key: Instrument): void {
    const stream = this.#streams.get(key);
    if (stream) stream.isUncertain = true;
  }

  /** A symbol without a token yet may be another name of a stream that is to go, or to stay: its answer comes first. */
  #isResolving(): boolean {
    for (const [key, { state }] of this.#streams)
      if (typeof key === 'string' && state === 'asked') return true;
    return false;
  }

  #removals(wanted: ReadonlyMap<Instrument, WantedStream<Options>>): CommandFields[] {
    const unwanted = [...this.#streams].filter(([key]) => !wanted.has(key));
    for (const [key] of unwanted) this.#streams.delete(key);
    const isThere = ({ state, isStreaming }: StreamStatus<Options>) => isStreaming || state !== 'rejected';
    const gone = unwanted.filter(([, stream]) => isThere(stream)).map(([, { wire }]) => wire);
    return this.#chunks(gone, (wire) => wire, 0).map((wires) => ({
      action: 'unsubscribe',
      ...this.#kind.unsubscribeFields(wires),
      id: this.#nextId(),
    }));
  }

  /** Streams to ask for, those of one command together. */
  #groups(wanted: ReadonlyMap<Instrument, WantedStream<Options>>, nowMs: number) {
    const groups = new Map<string, AskedStream<Options>[]>();
    for (const [key, { wire, options }] of wanted) {
      const told = this.#streams.get(key);
      const isRetry = told?.retryAtMs !== undefined && told.retryAtMs <= nowMs;
      const isSame = told && this.#kind.optionsKey(told.options) === this.#kind.optionsKey(options);
      if (isSame && !told.isUncertain && !isRetry) continue;
      const stream = { key, wire, options };
      const name = this.#kind.groupOf(stream);
      const group = groups.get(name);
      if (group) group.push(stream);
      else groups.set(name, [stream]);
    }
    return groups.values();
  }

  #ask(streams: readonly AskedStream<Options>[], nowMs: number): CommandFields {
    const requestId = this.#nextId();
    for (const { key, wire, options } of streams) {
      const isStreaming = this.#streams.get(key)?.isStreaming === true;
      this.#streams.set(key, { wire, options, requestId, state: 'asked', isStreaming });
    }
    const keys = streams.map(({ key }) => key);
    this.#requests.set(requestId, { kind: 'subscribe', keys, sentAtMs: nowMs });
    return { action: 'subscribe', ...this.#kind.subscribeFields(streams), id: requestId };
  }

  /** Lists that fit one message each, by the server's count and by its characters. */
  #chunks<Item>(items: readonly Item[], wireOf: (item: Item) => Instrument, itemChars: number): Item[][] {
    const countMax = this.#limits.tokens_per_message ?? CLIENT_TOKENS_PER_MESSAGE_MAX;
    const charsMax = (this.#limits.message_chars ?? CLIENT_MESSAGE_CHARS_MAX) - COMMAND_FRAME_CHARS;
    const chunks: Item[][] = [];
    let chunk: Item[] = [];
    let chars = 0;
    for (const item of items) {
      const more = JSON.stringify(wireOf(item)).length + 1 + itemChars;
      if (chunk.length > 0 && (chunk.length >= countMax || chars + more > charsMax)) {
        chunks.push(chunk);
        chunk = [];
        chars = 0;
      }
      chunk.push(item);
      chars += more;
    }
    return chunk.length > 0 ? [...chunks, chunk] : chunks;
  }

  /** Servers that do not repeat ids answer in order: the oldest request is meant. */
  #takeSubscribe(id: number | undefined): { id: number; keys: readonly Instrument[] } | undefined {
    for (const [requestId, { kind, keys }] of this.#requests) {
      if (kind !== 'subscribe' || (id !== undefined && id !== requestId)) continue;
      this.#requests.delete(requestId);
      return { id: requestId, keys };
    }
    return undefined;
  }

  #refuse(
    stream: StreamStatus<Options>,
    { code, message }: { readonly code: string; readonly message: string },
    retryAfterMs: number | undefined,
    nowMs: number,
  ): void {
    stream.state = 'rejected';
    stream.refusal = { code, message };
    if (!PASSING_CODES.has(code)) return;
    const afterMs = Math.min(CLIENT_SDK_RETRY_AFTER_MS_MAX, retryAfterMs ?? CLIENT_SDK_REFUSED_RETRY_MS);
    stream.retryAtMs = nowMs + afterMs;
  }
}

export function isAccepted({ state }: StreamStatus<unknown>): boolean {
  return state === 'live' || state === 'pending';
}

function keyOf(instrument: Instrument): Instrument {
  return typeof instrument === 'string' ? instrument.toUpperCase() : instrument;
}
