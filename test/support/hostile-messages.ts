// Messages that a hostile or broken client sends: valid ones, nearly valid ones, and nonsense of every shape; by a seed.
import { CLIENT_MESSAGE_CHARS_MAX, CLIENT_TOKENS_PER_MESSAGE_MAX } from '../../shared/limits.ts';
import type { SeededRandom } from '../ingest/support/seeded-random.ts';

/** What a client could have learned, so that its messages get past the first check. */
export interface HostileKnowledge {
  /** Instruments that exist. */
  readonly tokens: readonly number[];
  readonly symbols: readonly string[];
  /** Good tokens and spoilt ones. */
  readonly jwts: readonly string[];
  /** Epochs of connections, its own and others'. */
  readonly epochs: readonly string[];
}

type Make = () => string | Uint8Array;

const ODD_NUMBERS = [0, -0, -1, 0.5, 1e21, 1e308, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 255, 256, 738_561];
const ODD_TEXTS = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  'NSE:',
  ':INFY',
  'NSE:\u0000',
  'NSE:\ud800',
  "NSE:'; drop table instruments; --",
  'nse:infy',
  'ａｂｃ',
  '💥'.repeat(40),
  'x'.repeat(65),
];
const ACTIONS = [
  'subscribe',
  'unsubscribe',
  'list',
  'ping',
  'authenticate',
  'Subscribe',
  'goaway',
  'connected',
];
const FIELDS = [
  'action',
  'tokens',
  'symbols',
  'items',
  'mode',
  'speed',
  'filter',
  'id',
  'resume',
  'kind',
  'interval',
  'after',
  'token',
  'type',
  'data',
];
const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty'];

export class HostileMessages {
  readonly #random: SeededRandom;
  readonly #knowledge: HostileKnowledge;
  /** How often of all shares each kind of message comes. */
  readonly #kinds: readonly (readonly [share: number, make: Make])[] = [
    [300, () => JSON.stringify(this.#command())],
    [380, () => JSON.stringify(this.#nearlyValid())],
    [120, () => JSON.stringify(this.#value(3))],
    [100, () => this.#damaged()],
    [50, () => this.#withPrototypeKeys()],
    [20, () => this.#bytes()],
    [10, () => this.#nested()],
    [3, () => JSON.stringify(this.#hugeList())],
    [1, () => this.#oversize()],
  ];
  readonly #shares: number;

  constructor(random: SeededRandom, knowledge: HostileKnowledge) {
    this.#random = random;
    this.#knowledge = knowledge;
    this.#shares = this.#kinds.reduce((sum, [share]) => sum + share, 0);
  }

  next(): string | Uint8Array {
    let at = this.#random.below(this.#shares);
    for (const [share, make] of this.#kinds) {
      if (at < share) return make();
      at -= share;
    }
    throw new Error(`share ${at} is of no kind`);
  }

  #token(): number {
    return this.#random.pick(this.#knowledge.tokens);
  }

  #someTokens(): number[] {
    return Array.from({ length: this.#random.below(6) }, () => this.#token());
  }

  /** Rare: each is a question to the database. */
  #someSymbols(): string[] {
    const symbol = () => this.#random.pick(this.#random.chance(2) ? this.#knowledge.symbols : ODD_TEXTS);
    return Array.from({ length: this.#random.below(4) }, symbol);
  }

  #options(): object {
    return {
      ...(this.#random.chance(3) ? { mode: this.#random.pick(['ltp', 'quote', 'full']) } : {}),
      ...(this.#random.chance(3) ? { speed: this.#random.pick(['rt', 100, 250, 1000]) } : {}),
      ...(this.#random.chance(4) ? { filter: this.#filter() } : {}),
    };
  }

  #filter(): object {
    return {
      ...(this.#random.chance(2) ? { min_change: this.#random.pick([...ODD_NUMBERS, 0.05, 12]) } : {}),
      ...(this.#random.chance(2) ? { on_trade: this.#random.pick([true, true, true, false, 1]) } : {}),
    };
  }

  #position(): object {
    return { epoch: this.#random.pick(this.#knowledge.epochs), seq: this.#random.uint32() * 400 };
  }

  #bars(): Record<string, unknown> {
    const after = () => new Date(this.#random.uint32() * 1_000).toISOString();
    return {
      action: this.#random.pick(['subscribe', 'unsubscribe']),
      kind: 'bar',
      interval: this.#random.pick(['1s', '1m']),
      items: this.#someTokens().map((token) => ({ token, after: after() })),
      ...this.#id(),
    };
  }

  #id(): object {
    return this.#random.chance(2) ? { id: this.#random.below(1_000) } : {};
  }

  /** Valid, though what it asks for may not exist. */
  #command(): Record<string, unknown> {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
        return { action: 'ping', ...this.#id() };
      case 1:
        return { action: 'list', ...this.#id() };
      case 2:
        return { action: 'authenticate', token: random.pick(this.#knowledge.jwts), ...this.#id() };
      case 3:
      case 4:
      case 5:
        return { action: 'unsubscribe', tokens: this.#someTokens(), ...this.#id() };
      case 6: {
        if (random.chance(3)) return this.#bars();
        const items = this.#someTokens().map((token) => ({ token, ...this.#options() }));
        return { action: 'subscribe', items, ...this.#options(), ...this.#id() };
      }
      case 7:
        return { action: 'subscribe', tokens: this.#someTokens(), resume: this.#position(), ...this.#id() };
      case 8:
        if (random.chance(4)) return { action: 'subscribe', symbols: this.#someSymbols(), ...this.#id() };
        return { action: 'subscribe', tokens: [random.uint32()], ...this.#id() };
      default:
        return { action: 'subscribe', tokens: this.#someTokens(), ...this.#options(), ...this.#id() };
    }
  }

  /** A valid command with one to three of its fields, or of their insides, replaced, removed or added. */
  #nearlyValid(): Record<string, unknown> {
    const random = this.#random;
    const command = this.#command();
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const field = random.pick(random.chance(2) ? Object.keys(command) : FIELDS);
      const before = command[field];
      if (field === 'action' && random.chance(2)) command.action = random.pick(ACTIONS);
      else if (random.chance(6)) delete command[field];
      else if (Array.isArray(before) && random.chance(2)) before.push(this.#value(2));
      else command[field] = this.#value(2);
    }
    return command;
  }

  /** Any JSON value; `depth` levels at most. */
  #value(depth: number): unknown {
    const random = this.#random;
    const isLeaf = depth === 0;
    switch (random.below(isLeaf ? 6 : 9)) {
      case 0:
        return null;
      case 1:
        return random.chance(2);
      case 2:
        return random.pick(ODD_NUMBERS);
      case 3:
        return random.chance(2) ? this.#token() : random.uint32() - 2 ** 31;
      case 4:
        return random.pick(ODD_TEXTS);
      case 5:
        return random.pick([...ACTIONS, ...FIELDS]);
      case 6:
      case 7:
        return Array.from({ length: random.below(4) }, () => this.#value(depth - 1));
      default: {
        const fields = Array.from({ length: random.below(4) }, () => [
          random.pick(FIELDS),
          this.#value(depth - 1),
        ]);
        return Object.fromEntries(fields);
      }
    }
  }

  /** The text of a command, cut, doubled, or with characters replaced. */
  #damaged(): string {
    const random = this.#random;
    const text = JSON.stringify(this.#command());
    switch (random.below(4)) {
      case 0:
        return text.slice(0, random.below(text.length));
      case 1:
        return text + text;
      case 2:
        return text.slice(random.below(text.length));
      default: {
        const at = random.below(text.length);
        return text.slice(0, at) + String.fromCharCode(random.below(0x1_0000)) + text.slice(at + 1);
      }
    }
  }

  /** Written as text: JSON.stringify would take a `__proto__` of ours for the prototype. */
  #withPrototypeKeys(): string {
    const random = this.#random;
    const value = () => JSON.stringify(this.#value(1));
    const inside = `{"${random.pick(PROTOTYPE_KEYS)}":${value()},"action":"subscribe","tokens":[${this.#token()}]}`;
    const action = random.pick([...PROTOTYPE_KEYS, 'subscribe', 'subscribe']);
    const field = random.pick([...FIELDS, ...PROTOTYPE_KEYS]);
    return `{"action":"${action}","tokens":[${this.#token()}],"${field}":${inside},"${random.pick(PROTOTYPE_KEYS)}":${inside}}`;
  }

  #bytes(): Uint8Array {
    if (this.#random.chance(2)) return new TextEncoder().encode(JSON.stringify(this.#command()));
    return Uint8Array.from({ length: this.#random.below(200) }, () => this.#random.below(256));
  }

  #nested(): string {
    const depth = 1 + this.#random.below(20_000);
    const field = this.#random.pick(FIELDS);
    const inside = this.#random.chance(2)
      ? '['.repeat(depth) + ']'.repeat(depth)
      : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    return this.#random.chance(2) ? inside : `{"action":"subscribe","tokens":[1],"${field}":${inside}}`;
  }

  #hugeList(): object {
    const length = this.#random.pick([
      CLIENT_TOKENS_PER_MESSAGE_MAX,
      CLIENT_TOKENS_PER_MESSAGE_MAX + 1,
      2 * CLIENT_TOKENS_PER_MESSAGE_MAX,
    ]);
    const make = this.#random.pick([() => this.#token(), () => this.#random.uint32(), () => -1, () => null]);
    return { action: this.#random.pick(ACTIONS), tokens: Array.from({ length }, make), ...this.#id() };
  }

  #oversize(): string {
    const over = this.#random.pick([0, 1, 2, 300_000]);
    return `{"action":"ping","id":"${'x'.repeat(CLIENT_MESSAGE_CHARS_MAX + over - 24)}"}`;
  }
}

/** A generator's seed for the n-th of many: neighbours must not give like sequences. */
export function seedOf(seed: number, n: number): number {
  let mixed = Math.imul(seed ^ Math.imul(n + 1, 0x9e37_79b1), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
