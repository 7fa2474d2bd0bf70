// Bars to their subscribers: each is encoded once per dialect and handed to all who want it.
import type { Bar } from './bar.ts';
import type { BarNews } from './bar-book.ts';
import type { Outlet } from './outlet.ts';
import type { SessionIndex } from './subscriptions.ts';

/** Turns a bar into one frame of some dialect. Sessions of one dialect share one function. */
export type BarEncoder = (bar: Bar) => string;

/** Sends bars, in their order. Those whose socket is full have them wait, and are added to `waiting`. */
export function fanOutBars(
  outlets: readonly (Outlet | undefined)[],
  news: readonly BarNews[],
  seq: number,
  waiting: Set<SessionIndex>,
): number {
  let delivered = 0;
  for (const { key, bar, sessions } of news) {
    const frames = new Map<BarEncoder, string>();
    for (const session of sessions) {
      const outlet = outlets[session];
      // Who has subscribed to bars has a dialect that has them.
      if (!outlet?.encodeBar) continue;
      const frame = frames.get(outlet.encodeBar) ?? outlet.encodeBar(bar);
      frames.set(outlet.encodeBar, frame);
      if (outlet.deliverBar(seq, key, frame, bar.isClosed)) delivered++;
      else waiting.add(session);
    }
  }
  return delivered;
}
