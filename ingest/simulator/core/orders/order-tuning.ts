// How long Kite and the exchange take over each step of an order, and what a protected market order may cost.

/** Milliseconds, each at least and up to `jitter` times as much on top; 0 is allowed everywhere. */
export interface OrderTuning {
  /** A new order is unknown to every call for so long. */
  readonly unknownMs: number;
  readonly receivedMs: number;
  readonly validationMs: number;
  readonly openPendingMs: number;
  /** From the moment that an order rests to its first fill, and between its fills. */
  readonly fillMs: number;
  /** Each of the two steps of a modification. */
  readonly modifyMs: number;
  readonly cancelMs: number;
  /** Fraction. */
  readonly jitter: number;
  /** Percent around the last price that `market_protection: -1` stands for. */
  readonly protectionPercent: number;
}

export const ORDER_TUNING: OrderTuning = {
  unknownMs: 20,
  receivedMs: 20,
  validationMs: 10,
  openPendingMs: 30,
  fillMs: 30,
  modifyMs: 20,
  cancelMs: 40,
  jitter: 0.5,
  protectionPercent: 2,
};
