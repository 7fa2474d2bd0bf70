// What the buffer knows of each slot beside its record.

export class SlotStates {
  /** Rank of the mode that the slot's instrument is wanted in; 0 while nobody wants it. */
  readonly wantedRank: Uint8Array;
  readonly lowerModeRefused: Uint8Array;
  readonly isDirty: Uint8Array;
  /** The shard's present memory has the slot's definition, or will with the batch under way. */
  readonly isDefined: Uint8Array;
  readonly newestExchangeTimeS: Uint32Array;

  constructor(slotsMax: number) {
    this.wantedRank = new Uint8Array(slotsMax);
    this.lowerModeRefused = new Uint8Array(slotsMax);
    this.isDirty = new Uint8Array(slotsMax);
    this.isDefined = new Uint8Array(slotsMax);
    this.newestExchangeTimeS = new Uint32Array(slotsMax);
  }

  /** The slot's instrument is not wanted any more. Whether it is dirty is for the list of those to say. */
  forget(slot: number): void {
    this.wantedRank[slot] = 0;
    this.lowerModeRefused[slot] = 0;
    this.isDefined[slot] = 0;
    this.newestExchangeTimeS[slot] = 0;
  }

  copy(from: SlotStates, slot: number, to: number): void {
    this.wantedRank[to] = from.wantedRank[slot] as number;
    this.lowerModeRefused[to] = from.lowerModeRefused[slot] as number;
    this.isDirty[to] = from.isDirty[slot] as number;
    this.isDefined[to] = from.isDefined[slot] as number;
    this.newestExchangeTimeS[to] = from.newestExchangeTimeS[slot] as number;
  }
}
