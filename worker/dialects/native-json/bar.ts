// Bars as native JSON: one object per frame, prices in rupees.
import { priceDivisorOf } from '../../../shared/instrument.ts';
import type { Bar } from '../../core/protocol.ts';
import { isoOfMs } from './tick.ts';

/** The bar as a `bar` message. `partial` is there only where not all of the interval was seen, `previous_start` where it is known. */
export function encodeBar(bar: Bar): string {
  const divisor = priceDivisorOf(bar.token);
  return JSON.stringify({
    type: 'bar',
    data: {
      instrument_token: bar.token,
      tradingsymbol: bar.tradingsymbol,
      exchange: bar.exchange,
      interval: bar.interval,
      start: isoOfMs(bar.startMs),
      open: bar.open / divisor,
      high: bar.high / divisor,
      low: bar.low / divisor,
      close: bar.close / divisor,
      volume: bar.volume,
      oi: bar.oi,
      ticks: bar.ticks,
      closed: bar.isClosed,
      ...(bar.isPartial ? { partial: true } : {}),
      ...(bar.previousStartMs === undefined ? {} : { previous_start: isoOfMs(bar.previousStartMs) }),
    },
  });
}
