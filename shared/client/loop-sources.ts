// What the loops over ticks and those over bars take: of one subscription or of all, from the live values on.
import { BarBacklog, TickBacklog } from './backlogs.ts';
import type { Bar, BarInterval } from './bar.ts';
import type { BarStreams } from './bar-streams.ts';
import type { ChainStreams } from './chain-streams.ts';
import type { Channel } from './channel.ts';
import type { DesiredState } from './desired-state.ts';
import { OpenLoops } from './open-loops.ts';
import type { SubscriptionHost } from './subscription.ts';
import type { Tick } from './tick.ts';
import type { TickStreams } from './tick-streams.ts';

function isOf<Options>(desired: DesiredState<Options>, token: number, holder: number | undefined): boolean {
  return holder === undefined ? desired.isWanted(token) : desired.holds(holder, token);
}

export function tickLoopsOf(
  ticks: TickStreams,
  chains: ChainStreams,
  isLive: (token: number) => boolean,
): OpenLoops<Tick> {
  const { desired } = ticks.channel;
  return new OpenLoops<Tick>({
    createBacklog: () => new TickBacklog(),
    accepts: ({ instrument_token: token }, holder) =>
      holder === undefined
        ? ticks.isWanted(token)
        : desired.holds(holder, token) || chains.holds(holder, token),
    isHolding: (holder) => desired.isHolding(holder) || chains.isHolding(holder),
    live: () => [...ticks.ticks()].filter(({ instrument_token: token }) => isLive(token)),
  });
}

/** `all` has the streams of each interval. */
export function barLoopsOf(
  all: readonly BarStreams[],
  isLive: (token: number, interval: BarInterval) => boolean,
): OpenLoops<Bar> {
  const desiredOf = new Map(all.map(({ interval, channel }) => [interval, channel.desired]));
  return new OpenLoops<Bar>({
    createBacklog: () => new BarBacklog(),
    accepts({ instrument_token: token, interval }, holder) {
      const desired = desiredOf.get(interval);
      return desired !== undefined && isOf(desired, token, holder);
    },
    isHolding: (holder) => all.some(({ channel }) => channel.desired.isHolding(holder)),
    live: () =>
      all
        .flatMap((streams) => [...streams.bars()])
        .filter(({ instrument_token: token, interval }) => isLive(token, interval)),
  });
}

/** The client's side of a subscription. */
export function hostOf<Options, Accepted, Item>(
  channel: Channel<Options, Accepted>,
  loops: OpenLoops<Item>,
): SubscriptionHost<Item> {
  const { desired } = channel;
  return {
    unsubscribe(holder, instruments = desired.instrumentsHeldBy(holder)) {
      channel.unsubscribe(instruments, holder);
      loops.endAbandoned();
    },
    instrumentsHeldBy: (holder) => desired.instrumentsHeldBy(holder),
    itemsOf: (holder) => loops.open(holder),
  };
}
