// Bars of the instruments that somebody wants bars of, built of every tick record that a shard applies.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { BAR_GAP_MS_MAX, BAR_GRACE_MS, BAR_LIVE_1M_MS, BAR_LIVE_1S_MS } from '../../shared/limits.ts';
import { IST_OFFSET_MS, istDayOf } from '../../shared/market-session.ts';
import { AT, hasOpenInterest, isFullKind, RECORD_KIND, receivedAtOf } from '../../shared/tick.ts';
import {
  BAR_INTERVALS,
  type Bar,
  type BarInterval,
  type IntervalIndex,
  type IntervalSet,
  intervalMs,
} from './bar.ts';

/** Shortest time between two updates of a bar that is not closed. */
const LIVE_MS: Readonly<Record<BarInterval, number>> = { '1s': BAR_LIVE_1S_MS, '1m': BAR_LIVE_1M_MS };

interface OpenBar {
  readonly startMs: number;
  readonly endMs: number;
  readonly open: number;
  high: number;
  low: number;
  close: number;
  volume: number | undefined;
  oi: number | undefined;
  ticks: number;
  isPartial: boolean;
}

/** The bars of one instrument in one interval: never more than one of them is open. */
interface Series {
  readonly token: InstrumentToken;
  readonly index: IntervalIndex;
  bar: OpenBar | undefined;
  /** End of the last closed bar; nothing before it is opened again. */
  closedUntilMs: number;
  /** True until the first bar: what was before its first tick nobody has seen. */
  isNew: boolean;
  saidAtMs: number;
}

/** What is remembered of an instrument's last tick, to tell what happened between it and the next one. */
interface Track {
  readonly series: Series[];
  receivedAtMs: number;
  /** The clock when it was applied; 0 before the first. */
  appliedAtMs: number;
  dayHigh: number;
  dayLow: number;
  volume: number | undefined;
  /** IST day in which the volume last grew; undefined until it has. */
  volumeDay: number | undefined;
}

/** What one tick says. `high` and `low` reach beyond its price where the day's extremes moved since the tick before. */
interface Observation {
  readonly receivedAtMs: number;
  readonly price: number;
  readonly high: number;
  readonly low: number;
  /** Traded since the tick before; undefined where the record has no volume. */
  readonly volume: number | undefined;
  readonly oi: number | undefined;
  readonly isRepeat: boolean;
  /** The market was not watched for a while before it. */
  readonly isAfterGap: boolean;
}

function hasDayRange(kind: number): boolean {
  return kind !== RECORD_KIND.ltp;
}

/**
 * What was traded since the volume was last looked at. The day's volume starts anew each day; within a day a smaller
 * one is a correction, and counting goes on from where it was.
 */
function takeVolume(track: Track, volume: number, day: number): number {
  const before = track.volume;
  if (before === undefined || (volume < before && track.volumeDay === undefined)) {
    track.volume = volume;
    return 0;
  }
  if (volume === before || (volume < before && day === track.volumeDay)) return 0;
  track.volume = volume;
  track.volumeDay = day;
  return volume > before ? volume - before : volume;
}

/** Whether the bar has all that the tick says already, as when an option's Greeks alone are new. */
function isToldBy(bar: OpenBar, { price, high, low, volume, oi }: Observation): boolean {
  const isInside = price === bar.close && high <= bar.high && low >= bar.low;
  return isInside && (volume ?? 0) === 0 && (oi ?? bar.oi) === bar.oi;
}

/**
 * A tick belongs to the interval of its receive time, which is the sidecar's clock; so is the time at which a batch was
 * signed, and bars are closed by that. What happened between two ticks is told by the second one, and counted with it.
 */
export class BarBuilder {
  readonly #definitionOf: (token: InstrumentToken) => InstrumentDefinition | undefined;
  readonly #tracks = new Map<InstrumentToken, Track>();
  /** Series whose open bar has changed since it was last told. */
  readonly #changed = new Set<Series>();
  #closed: Bar[] = [];
  #clockMs = 0;
  /** When the market was seen again after the last gap. */
  #resumedAtMs = 0;
  /** No open bar ends before this. */
  #nextEndMs = Number.POSITIVE_INFINITY;

  constructor(definitionOf: (token: InstrumentToken) => InstrumentDefinition | undefined) {
    this.#definitionOf = definitionOf;
  }

  /** Has bars of these intervals be built for the token; those of others are forgotten. */
  setIntervals(token: InstrumentToken, intervals: IntervalSet): void {
    const track = this.#tracks.get(token);
    const series: Series[] = [];
    for (const index of BAR_INTERVALS.keys()) {
      const known = track?.series.find((each) => each.index === index);
      if ((intervals & (1 << index)) !== 0) series.push(known ?? newSeries(token, index));
      else if (known) this.#changed.delete(known);
    }
    if (series.length === 0) this.#tracks.delete(token);
    else if (track) track.series.splice(0, track.series.length, ...series);
    else this.#tracks.set(token, newTrack(series));
  }

  /**
   * A batch that was signed at `clockMs` begins. After a pause that heartbeats would have filled, or with another
   * sidecar, bars that ended meanwhile were not seen to their end.
   */
  beginBatch(clockMs: number, isNewSidecar: boolean): void {
    if (isNewSidecar || clockMs - this.#clockMs > BAR_GAP_MS_MAX) {
      this.#resumedAtMs = clockMs;
      for (const { series } of this.#tracks.values()) {
        for (const { bar } of series) if (bar && bar.endMs <= clockMs) bar.isPartial = true;
      }
    }
    this.#clockMs = clockMs;
  }

  /** Counts the tick record at byte `at` of `view`. */
  addTick(token: InstrumentToken, view: DataView, at: number): void {
    const track = this.#tracks.get(token);
    if (!track || view.getUint32(at + AT.lastPrice, true) === 0) return;
    const receivedAtMs = Math.min(receivedAtOf(view, at), this.#clockMs);
    const isOld = ({ index }: Series) =>
      startOf(receivedAtMs, index) + intervalMs(index) + BAR_GRACE_MS <= this.#clockMs;
    // A value from before this memory, sent again: its bar is over, and has been told by whoever was here then.
    if (track.appliedAtMs === 0 && track.series.every(isOld)) return;
    const isFirst = track.appliedAtMs === 0;
    const seen = this.#observe(token, track, view, at, receivedAtMs);
    for (const series of track.series) if (!isFirst || !isOld(series)) this.#count(series, seen);
  }

  #observe(
    token: InstrumentToken,
    track: Track,
    view: DataView,
    at: number,
    receivedAtMs: number,
  ): Observation {
    const kind = view.getUint32(at + AT.kind, true);
    const price = view.getUint32(at + AT.lastPrice, true);
    const hasVolume = kind === RECORD_KIND.quote || isFullKind(kind);
    let [high, low] = [price, price];
    if (hasDayRange(kind)) {
      const dayHigh = view.getUint32(at + AT.high, true);
      const dayLow = view.getUint32(at + AT.low, true);
      if (track.dayHigh !== 0 && dayHigh > track.dayHigh) high = Math.max(high, dayHigh);
      if (dayLow !== 0 && dayLow < track.dayLow) low = Math.min(low, dayLow);
      track.dayHigh = dayHigh;
      track.dayLow = dayLow;
    }
    const volume = hasVolume
      ? takeVolume(track, view.getUint32(at + AT.volume, true), istDayOf(receivedAtMs))
      : undefined;
    const hasOi = isFullKind(kind) && hasOpenInterest(token);
    // The same post may come in another batch when its reply was lost: its ticks count once.
    const isRepeat = track.appliedAtMs !== 0 && receivedAtMs === track.receivedAtMs;
    const isAfterGap = track.appliedAtMs < this.#resumedAtMs;
    track.receivedAtMs = receivedAtMs;
    // A repeat has seen nothing of the market: what came in a gap comes with the tick after it.
    if (!isRepeat) track.appliedAtMs = this.#clockMs;
    const oi = hasOi ? view.getUint32(at + AT.oi, true) : undefined;
    return { receivedAtMs, price, high, low, volume, oi, isRepeat, isAfterGap };
  }

  #count(series: Series, seen: Observation): void {
    const own = startOf(seen.receivedAtMs, series.index);
    // Its own bar is closed, and stays so: a tick that comes so late is news of now.
    const isLate = own < series.closedUntilMs;
    const startMs = isLate ? Math.max(series.closedUntilMs, startOf(this.#clockMs, series.index)) : own;
    if (series.bar && startMs >= series.bar.endMs) this.#close(series, series.bar);
    const { bar } = series;
    if (bar) {
      if (seen.isRepeat && isToldBy(bar, seen)) return;
      bar.high = Math.max(bar.high, seen.high);
      bar.low = Math.min(bar.low, seen.low);
      bar.close = seen.price;
      if (seen.volume !== undefined) bar.volume = (bar.volume ?? 0) + seen.volume;
      bar.oi = seen.oi ?? bar.oi;
      if (!seen.isRepeat) bar.ticks++;
    } else if (seen.isRepeat) return;
    else this.#open(series, startMs, seen);
    this.#changed.add(series);
  }

  #open(series: Series, startMs: number, seen: Observation): void {
    const { price, oi, isAfterGap } = seen;
    const isPartial = series.isNew || startMs < this.#resumedAtMs;
    const endMs = startMs + intervalMs(series.index);
    // What happened in a gap, or before anybody looked, may have happened long before this bar.
    const isSeen = !series.isNew && !isAfterGap;
    series.bar = {
      startMs,
      endMs,
      open: price,
      high: isSeen ? seen.high : price,
      low: isSeen ? seen.low : price,
      close: price,
      volume: seen.volume === undefined || isSeen ? seen.volume : 0,
      oi,
      ticks: 1,
      isPartial,
    };
    series.isNew = false;
    this.#nextEndMs = Math.min(this.#nextEndMs, endMs);
  }

  #close(series: Series, bar: OpenBar): void {
    const closed = this.#barOf(series, bar, true);
    if (closed) this.#closed.push(closed);
    series.bar = undefined;
    series.closedUntilMs = bar.endMs;
    this.#changed.delete(series);
  }

  /** The batch has been applied. Returns what is to be told: closed bars in their order, then open ones that are due. */
  endBatch(): Bar[] {
    if (this.#clockMs >= this.#nextEndMs + BAR_GRACE_MS) this.#closeEnded();
    const told = this.#closed;
    this.#closed = [];
    for (const series of this.#changed) {
      const sinceMs = this.#clockMs - series.saidAtMs;
      const isDue = sinceMs < 0 || sinceMs >= LIVE_MS[intervalOf(series)];
      const live = isDue && series.bar ? this.#barOf(series, series.bar, false) : undefined;
      if (!live) continue;
      told.push(live);
      series.saidAtMs = this.#clockMs;
      this.#changed.delete(series);
    }
    return told;
  }

  #closeEnded(): void {
    let nextEndMs = Number.POSITIVE_INFINITY;
    for (const track of this.#tracks.values()) {
      for (const series of track.series) {
        const { bar } = series;
        if (bar && bar.endMs + BAR_GRACE_MS <= this.#clockMs) this.#close(series, bar);
        else if (bar) nextEndMs = Math.min(nextEndMs, bar.endMs);
      }
    }
    this.#nextEndMs = nextEndMs;
  }

  /** The open bars of the token in these intervals, as they are now. */
  currentOf(token: InstrumentToken, intervals: IntervalSet): Bar[] {
    return (this.#tracks.get(token)?.series ?? []).flatMap((series) => {
      const isWanted = (intervals & (1 << series.index)) !== 0;
      const bar = isWanted && series.bar ? this.#barOf(series, series.bar, false) : undefined;
      return bar ? [bar] : [];
    });
  }

  #barOf(series: Series, bar: OpenBar, isClosed: boolean): Bar | undefined {
    const definition = this.#definitionOf(series.token);
    if (!definition) return undefined;
    const { startMs, open, high, low, close, volume, oi, ticks, isPartial } = bar;
    const { closedUntilMs } = series;
    return {
      token: series.token,
      tradingsymbol: definition.tradingsymbol,
      exchange: definition.exchange,
      interval: intervalOf(series),
      ...{ startMs, open, high, low, close, ticks, isClosed, isPartial },
      ...(volume === undefined ? {} : { volume }),
      ...(oi === undefined ? {} : { oi }),
      ...(closedUntilMs === 0 ? {} : { previousStartMs: closedUntilMs - intervalMs(series.index) }),
    };
  }
}

function intervalOf({ index }: Series): BarInterval {
  return BAR_INTERVALS[index] ?? '1m';
}

/** Start of the interval that the moment is in, counted from midnight in IST. */
function startOf(ms: number, index: IntervalIndex): number {
  return ms - ((ms + IST_OFFSET_MS) % intervalMs(index));
}

function newSeries(token: InstrumentToken, index: IntervalIndex): Series {
  return { token, index, bar: undefined, closedUntilMs: 0, isNew: true, saidAtMs: 0 };
}

function newTrack(series: Series[]): Track {
  return {
    series,
    receivedAtMs: 0,
    appliedAtMs: 0,
    dayHigh: 0,
    dayLow: 0,
    volume: undefined,
    volumeDay: undefined,
  };
}
