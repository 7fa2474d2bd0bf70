// The bits of a row, in its instrument's scale and by its flush's clock.
import { BitWriter } from './bit-writer.ts';
import { type Scale, UNIT_SCALE } from './scale.ts';

export class RowWriter extends BitWriter {
  scale: Scale = UNIT_SCALE;
  baseTimeMs = 0;
  receivedOrder = 0;
  /** False once a difference was no multiple of the scale: what was written then is wrong. */
  isExact = true;

  /** A difference of raw prices in ticks. */
  ticks(raw: number): number {
    if (raw === 0) return 0;
    const { tick, perTick } = this.scale;
    const ticks = Math.round(raw * perTick);
    if (ticks * tick !== raw) this.isExact = false;
    return ticks;
  }

  /** A quantity or a difference of quantities in lots. */
  lots(raw: number): number {
    if (raw === 0) return 0;
    const { lot, perLot } = this.scale;
    const lots = Math.round(raw * perLot);
    if (lots * lot !== raw) this.isExact = false;
    return lots;
  }
}
