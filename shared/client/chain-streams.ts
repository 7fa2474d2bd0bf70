// Chains that the application wants: asked for anew on each connection, and who is a member of which.
import {
  CLIENT_SDK_ANSWER_MS_MAX,
  CLIENT_SDK_REFUSED_RETRY_MS,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
} from '../limits.ts';
import {
  type ChainFigures,
  type ChainFiguresEvent,
  type ChainMember,
  type ChainMembersEvent,
  type ChainName,
  type ChainTerms,
  chainKey,
} from './chain.ts';
import type { ChainAcknowledgement, ChainHost } from './chain-subscription.ts';
import { type Deferred, deferred } from './deferred.ts';
import { ClientEndedError, type FinalState } from './events.ts';
import type {
  ChainFiguresMessage,
  ChainMembersMessage,
  ErrorMessage,
  SubscribedChainMessage,
} from './message.ts';
import type { CommandFields } from './stream-kind.ts';
import { mergeOptions } from './subscription-options.ts';
import type { Synced } from './sync-loop.ts';

export interface ChainStreamsOptions {
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  readonly onChanged: () => void;
  readonly onChainMembers: (event: ChainMembersEvent) => void;
  readonly onChainFigures: (event: ChainFiguresEvent) => void;
  readonly onChainRefused: (refusal: { readonly code: string; readonly message: string }) => void;
}

/** What the server of this connection was asked for, and has answered. */
interface Asked {
  readonly terms: ChainTerms;
  readonly requestId: number;
  readonly sentAtMs: number;
  state: 'asked' | 'accepted' | 'refused' | 'unanswered';
  /** A passing refusal is asked again then. */
  retryAtMs?: number;
}

interface Wanted {
  readonly name: ChainName;
  readonly holders: Map<number, ChainTerms>;
  /** Holders that have had no answer. */
  readonly waiting: Map<number, Deferred<ChainAcknowledgement>>;
  /** As last told, also by a connection that is lost. */
  readonly members: Map<number, ChainMember>;
  figures: ChainFigures | undefined;
  asked: Asked | undefined;
  /** The members are those of this connection. */
  isStreaming: boolean;
}

/** Refusals that may be over in a moment; the others stand until the next connection or other terms. */
const PASSING_CODES = new Set(['database_unavailable', 'gateway_full', 'internal', 'rate_limited']);

export class ChainStreams implements Synced, ChainHost {
  readonly #options: ChainStreamsOptions;
  /** By key. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #byToken = new Map<number, Wanted>();
  /** Chains that the server has and nobody wants any more. */
  readonly #unwanted = new Map<string, ChainName>();

  constructor(options: ChainStreamsOptions) {
    this.#options = options;
  }

  get openRequestsCount(): number {
    let count = 0;
    for (const { asked } of this.#wanted.values()) if (asked?.state === 'asked') count++;
    return count;
  }

  /** The token is a member of a chain that somebody wants. */
  isWanted(token: number): boolean {
    return this.#byToken.has(token);
  }

  /** It is one on this connection. */
  isStreaming(token: number): boolean {
    return this.#byToken.get(token)?.isStreaming ?? false;
  }

  holds(holder: number, token: number): boolean {
    return this.#byToken.get(token)?.holders.has(holder) ?? false;
  }

  isHolding(holder: number): boolean {
    for (const { holders } of this.#wanted.values()) if (holders.has(holder)) return true;
    return false;
  }

  /** Several may want the same chain: the server is asked for most strikes, the highest mode and the fastest speed. */
  subscribe(holder: number, name: ChainName, terms: ChainTerms): Promise<ChainAcknowledgement> {
    const key = chainKey(name);
    let wanted = this.#wanted.get(key);
    if (!wanted) {
      const nothing = { figures: undefined, asked: undefined, isStreaming: false };
      wanted = { name, holders: new Map(), waiting: new Map(), members: new Map(), ...nothing };
      this.#wanted.set(key, wanted);
    }
    if (wanted.asked?.state === 'refused') wanted.asked = undefined;
    wanted.holders.set(holder, terms);
    const acknowledgement = deferred<ChainAcknowledgement>();
    // Most applications never look at it: a rejection must not end a Node process.
    acknowledgement.promise.catch(() => undefined);
    wanted.waiting.set(holder, acknowledgement);
    this.#settle(wanted);
    this.#options.onChanged();
    return acknowledgement.promise;
  }

  unsubscribe(holder: number, name: ChainName): void {
    const key = chainKey(name);
    const wanted = this.#wanted.get(key);
    if (!wanted?.holders.delete(holder)) return;
    wanted.waiting.get(holder)?.resolve({ members: [] });
    wanted.waiting.delete(holder);
    if (wanted.holders.size === 0) {
      this.#wanted.delete(key);
      for (const token of wanted.members.keys()) this.#byToken.delete(token);
      if (wanted.asked) this.#unwanted.set(key, name);
    }
    this.#options.onChanged();
  }

  membersOf(name: ChainName): readonly ChainMember[] {
    const members = [...(this.#wanted.get(chainKey(name))?.members.values() ?? [])];
    return members.sort((a, b) => a.strike - b.strike || a.type.localeCompare(b.type));
  }

  figuresOf(name: ChainName): ChainFigures | undefined {
    return this.#wanted.get(chainKey(name))?.figures;
  }

  onLost(): void {
    this.#unwanted.clear();
    for (const wanted of this.#wanted.values()) {
      wanted.asked = undefined;
      wanted.isStreaming = false;
    }
  }

  end(state: FinalState): void {
    for (const { waiting } of this.#wanted.values()) {
      for (const { reject } of waiting.values()) reject(new ClientEndedError(state));
      waiting.clear();
    }
  }

  hasAsked(id: number | undefined): boolean {
    return this.#askedBy(id) !== undefined;
  }

  #askedBy(id: number | undefined): Wanted | undefined {
    for (const wanted of this.#wanted.values()) {
      if (wanted.asked?.state === 'asked' && wanted.asked.requestId === id) return wanted;
    }
    return undefined;
  }

  onSubscribed({ id, members }: SubscribedChainMessage): void {
    const wanted = this.#askedBy(id);
    if (!wanted?.asked) return;
    wanted.asked.state = 'accepted';
    wanted.isStreaming = true;
    const told = new Set(members.map(({ instrument_token: token }) => token));
    const left = [...wanted.members.keys()].filter((token) => !told.has(token));
    this.#change(wanted, members, left);
    this.#settle(wanted);
  }

  onMembers({ chain, joined, left }: ChainMembersMessage): void {
    const wanted = this.#wanted.get(chainKey(chain));
    if (wanted?.isStreaming) this.#change(wanted, joined, left);
  }

  /** The server does not have these any more. */
  onStruck(tokens: readonly number[]): void {
    for (const wanted of this.#wanted.values()) this.#change(wanted, [], tokens);
  }

  #change(wanted: Wanted, members: readonly ChainMember[], left: readonly number[]): void {
    const joined = members.filter(({ instrument_token: token }) => !wanted.members.has(token));
    const gone = left.filter((token) => wanted.members.delete(token));
    for (const token of gone) this.#byToken.delete(token);
    for (const member of joined) {
      wanted.members.set(member.instrument_token, member);
      this.#byToken.set(member.instrument_token, wanted);
    }
    if (joined.length + gone.length === 0) return;
    this.#options.onChainMembers({ chain: wanted.name, joined, left: gone });
    this.#options.onChanged();
  }

  onFigures({ chain, data }: ChainFiguresMessage): void {
    const wanted = this.#wanted.get(chainKey(chain));
    if (!wanted?.isStreaming) return;
    wanted.figures = data;
    this.#options.onChainFigures({ chain: wanted.name, data });
  }

  /** The server refuses a chain that it was asked for. */
  onError({ id, code = 'rejected', message, retry_after_ms: afterMs }: ErrorMessage, nowMs: number): void {
    const wanted = this.#askedBy(id);
    if (!wanted?.asked) return;
    wanted.asked.state = 'refused';
    if (PASSING_CODES.has(code)) {
      const pauseMs = Math.min(CLIENT_SDK_RETRY_AFTER_MS_MAX, afterMs ?? CLIENT_SDK_REFUSED_RETRY_MS);
      wanted.asked.retryAtMs = nowMs + pauseMs;
    } else {
      for (const { resolve } of wanted.waiting.values()) resolve({ members: [], refusal: { code, message } });
      wanted.waiting.clear();
    }
    this.#options.onChainRefused({ code, message });
    this.#options.onChanged();
  }

  expire(nowMs: number): number {
    let count = 0;
    for (const { asked } of this.#wanted.values()) {
      if (asked?.state !== 'asked' || nowMs - asked.sentAtMs < CLIENT_SDK_ANSWER_MS_MAX) continue;
      asked.state = 'unanswered';
      count++;
    }
    return count;
  }

  plan(nowMs: number, requestsMax: number): readonly CommandFields[] {
    const commands: CommandFields[] = [];
    for (const [key, chain] of this.#unwanted) {
      if (!this.#wanted.has(key)) commands.push({ action: 'unsubscribe', chain, id: this.#options.nextId() });
    }
    this.#unwanted.clear();
    let room = requestsMax;
    for (const wanted of this.#wanted.values()) {
      if (!isDue(wanted, nowMs) || room-- <= 0) continue;
      const terms = termsOf(wanted);
      const requestId = this.#options.nextId();
      wanted.asked = { terms, requestId, sentAtMs: nowMs, state: 'asked' };
      const { strikes, mode, speed } = terms;
      const chain = { ...wanted.name, strikes };
      commands.push({ action: 'subscribe', chain, mode, speed, id: requestId });
    }
    return commands;
  }

  nextDueMs(): number | undefined {
    let dueMs = Infinity;
    for (const { asked } of this.#wanted.values()) {
      if (asked?.state === 'asked') dueMs = Math.min(dueMs, asked.sentAtMs + CLIENT_SDK_ANSWER_MS_MAX);
      dueMs = Math.min(dueMs, asked?.retryAtMs ?? Infinity);
    }
    return dueMs === Infinity ? undefined : dueMs;
  }

  /** Who waits for the chain as it streams now has its answer. */
  #settle(wanted: Wanted): void {
    if (wanted.asked?.state !== 'accepted' || !isSame(wanted.asked.terms, termsOf(wanted))) return;
    const members = this.membersOf(wanted.name);
    for (const { resolve } of wanted.waiting.values()) resolve({ members });
    wanted.waiting.clear();
  }
}

/** The least that serves all who want the chain. */
function termsOf({ holders }: Wanted): ChainTerms {
  return [...holders.values()].reduce((a, b) => {
    const { mode, speed } = mergeOptions(a, b);
    return { mode, speed, strikes: Math.max(a.strikes, b.strikes) };
  });
}

function isSame(a: ChainTerms, b: ChainTerms): boolean {
  return a.strikes === b.strikes && a.mode === b.mode && a.speed === b.speed;
}

function isDue(wanted: Wanted, nowMs: number): boolean {
  const { asked } = wanted;
  if (!asked || asked.state === 'unanswered') return true;
  if (asked.retryAtMs !== undefined && asked.retryAtMs <= nowMs) return true;
  return !isSame(asked.terms, termsOf(wanted));
}
