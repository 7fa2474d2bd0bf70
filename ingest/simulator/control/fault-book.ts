// The faults that stand: which of them meets a socket or a request now, by scope, time, count and seeded chance.
import { SIMULATOR_FAULTS_MAX } from '../../../shared/limits.ts';
import { mix, RandomStream } from '../core/random.ts';
import { Fault, type FaultInput, type FaultKind, type FaultOf } from './fault.ts';

/** What a fault may be about. What is unknown about it is not met by faults that ask for it. */
export interface FaultSubject {
  readonly apiKey?: string | undefined;
  readonly userId?: string | undefined;
  readonly socket?: number;
  readonly method?: string;
  readonly path?: string;
}

export interface ActiveFault<K extends FaultKind> {
  readonly fault: FaultOf<K>;
  /** The fault's own stream: what others draw does not change it. */
  readonly random: RandomStream;
}

export interface StandingFault {
  readonly id: number;
  readonly fault: Fault;
  /** Until it ends by itself. */
  readonly remaining_ms?: number;
  /** How often it has happened; of the faults of a whole stream it says nothing. */
  readonly happened: number;
}

interface Entry {
  readonly id: number;
  readonly fault: Fault;
  readonly random: RandomStream;
  readonly endsAtMs: number;
  happened: number;
}

const SEED_SALT = 0x0fa1;

export class FaultBook {
  readonly #seed: number;
  readonly #monotonicMs: () => number;
  #entries: Entry[] = [];
  #lastId = 0;

  constructor(seed: number, monotonicMs: () => number) {
    this.#seed = seed;
    this.#monotonicMs = monotonicMs;
  }

  /** Returns its id. Throws ZodError on a fault that cannot be, RangeError when too many stand. */
  add(input: FaultInput): number {
    const fault = Fault.parse(input);
    this.#forgetEnded();
    if (this.#entries.length >= SIMULATOR_FAULTS_MAX)
      throw new RangeError(`at most ${SIMULATOR_FAULTS_MAX} faults stand at a time`);
    const id = ++this.#lastId;
    const random = new RandomStream(mix(mix(this.#seed, SEED_SALT), id));
    const endsAtMs =
      fault.for_ms === undefined ? Number.POSITIVE_INFINITY : this.#monotonicMs() + fault.for_ms;
    this.#entries.push({ id, fault, random, endsAtMs, happened: 0 });
    return id;
  }

  /** False when no such fault stands. */
  remove(id: number): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    return this.#entries.length < before;
  }

  clear(): void {
    this.#entries = [];
  }

  list(): StandingFault[] {
    this.#forgetEnded();
    const nowMs = this.#monotonicMs();
    return this.#entries.map(({ id, fault, endsAtMs, happened }) => ({
      id,
      fault,
      ...(Number.isFinite(endsAtMs) ? { remaining_ms: Math.ceil(endsAtMs - nowMs) } : {}),
      happened,
    }));
  }

  /** The first fault of the kind that stands for the subject, whatever its chance: for what lasts. */
  standing<K extends FaultKind>(kind: K, subject: FaultSubject): FaultOf<K> | undefined {
    for (const { fault, endsAtMs } of this.#entries)
      if (isKind(fault, [kind]) && endsAtMs > this.#monotonicMs() && meets(fault, subject)) return fault;
    return undefined;
  }

  /** The first fault of these kinds that happens to the subject this time: for what comes one by one. */
  happening<K extends FaultKind>(kinds: readonly K[], subject: FaultSubject): ActiveFault<K> | undefined {
    for (const entry of this.#entries) {
      const { fault, random } = entry;
      if (!isKind(fault, kinds) || entry.endsAtMs <= this.#monotonicMs() || !meets(fault, subject)) continue;
      const { times, probability } = chanceOf(fault);
      if (entry.happened >= times || (probability < 1 && random.unit() >= probability)) continue;
      entry.happened += 1;
      return { fault, random };
    }
    return undefined;
  }

  #forgetEnded(): void {
    const nowMs = this.#monotonicMs();
    this.#entries = this.#entries.filter(({ endsAtMs }) => endsAtMs > nowMs);
  }
}

function isKind<K extends FaultKind>(fault: Fault, kinds: readonly K[]): fault is FaultOf<K> {
  return (kinds as readonly FaultKind[]).includes(fault.kind);
}

function chanceOf(fault: Fault): { times: number; probability: number } {
  const { times = Number.POSITIVE_INFINITY, probability = 1 } =
    'times' in fault || 'probability' in fault ? fault : {};
  return { times, probability };
}

function meets(fault: Fault, subject: FaultSubject): boolean {
  const { account } = fault;
  if (account !== undefined && account !== subject.apiKey && account !== subject.userId) return false;
  if ('socket' in fault && fault.socket !== subject.socket) return false;
  if ('method' in fault && fault.method !== subject.method) return false;
  if (!('path' in fault)) return true;
  return subject.path === fault.path || subject.path?.startsWith(`${fault.path}/`) === true;
}
