// Sessions that get the same rows share their frames: one of them leads, and what is made for it goes to all.
import type { SlotTable } from './slot-table.ts';
import type { SessionIndex } from './subscriptions.ts';

const NO_LEADER = -1;
const SESSIONS_AT_START = 64;

export class FrameSharing {
  /** By session, who leads it: itself when it leads, -1 when it is not here. */
  #leaders = new Int32Array(SESSIONS_AT_START).fill(NO_LEADER);
  /** By leader, all whom it leads, itself first. */
  readonly #groups: SessionIndex[][] = [];
  /** Leaders by the print of what they get; those of one print need not get the same. */
  readonly #byPrint = new Map<number, SessionIndex[]>();
  readonly #prints: number[] = [];

  /** True when frames are made for this session. */
  leads(session: SessionIndex): boolean {
    return this.#leaders[session] === session;
  }

  /** The leader and those whom it leads. */
  groupOf(leader: SessionIndex): readonly SessionIndex[] {
    return this.#groups[leader] ?? [];
  }

  /** What the session gets is another: it joins those who get the same, or leads. `isSame` compares it with a leader. */
  update(session: SessionIndex, print: number, isSame: (other: SessionIndex) => boolean): void {
    this.leave(session);
    if (session >= this.#leaders.length) this.#grow(session + 1);
    const candidates = this.#byPrint.get(print);
    const leader = candidates?.find(isSame);
    if (leader !== undefined) {
      this.#leaders[session] = leader;
      this.#groups[leader]?.push(session);
      return;
    }
    this.#lead(session, [session], print);
  }

  leave(session: SessionIndex): void {
    const leader = this.#leaders[session] ?? NO_LEADER;
    if (leader === NO_LEADER) return;
    this.#leaders[session] = NO_LEADER;
    const group = this.#groups[leader] ?? [];
    group.splice(group.indexOf(session), 1);
    if (leader !== session) return;
    const print = this.#prints[leader] as number;
    const leaders = this.#byPrint.get(print) ?? [];
    leaders.splice(leaders.indexOf(leader), 1);
    if (leaders.length === 0) this.#byPrint.delete(print);
    this.#groups[leader] = [];
    const [heir] = group;
    if (heir !== undefined) this.#lead(heir, group, print);
  }

  #lead(session: SessionIndex, group: SessionIndex[], print: number): void {
    for (const each of group) this.#leaders[each] = session;
    this.#groups[session] = group;
    this.#prints[session] = print;
    const leaders = this.#byPrint.get(print);
    if (leaders) leaders.push(session);
    else this.#byPrint.set(print, [session]);
  }

  #grow(sessions: number): void {
    const leaders = new Int32Array(sessions * 2).fill(NO_LEADER);
    leaders.set(this.#leaders);
    this.#leaders = leaders;
  }
}

/** The print of all that decides a session's rows: its dialect and its table. */
export function printOfRows(lane: number, table: SlotTable): number {
  return (Math.imul(lane + 1, 0x27d4_eb2f) ^ table.print) | 0;
}
