// What a subscription asks for beside its instruments: checked at the door, merged where several ask for the same one.
import { AppError } from '../errors.ts';
import { parseInstrumentToken } from '../instrument.ts';
import { CLIENT_SYMBOL_CHARS_MAX } from '../limits.ts';
import type { TickMode } from '../tick.ts';

/** An instrument token (738561) or a symbol with its exchange ('NSE:RELIANCE'). */
export type Instrument = number | string;

/** Every tick as it comes, or the newest value once per so many milliseconds. */
export type Speed = 'rt' | 100 | 250 | 1000;

/** Ticks that do not pass are not sent; all conditions given must hold. */
export interface TickFilter {
  /** Rupees that the last price has to have moved since the last tick sent. */
  readonly min_change?: number;
  /** Only ticks that a trade caused. */
  readonly on_trade?: true;
}

export interface SubscriptionOptions {
  readonly mode?: TickMode;
  readonly speed?: Speed;
  readonly filter?: TickFilter;
}

/** With the protocol's defaults filled in. */
export interface StreamOptions {
  readonly mode: TickMode;
  readonly speed: Speed;
  /** Absent: everything passes. */
  readonly filter?: TickFilter;
}

const MODES: readonly TickMode[] = ['ltp', 'quote', 'full'];
const SPEEDS: readonly Speed[] = ['rt', 100, 250, 1000];

export function isMode(value: unknown): value is TickMode {
  return (MODES as readonly unknown[]).includes(value);
}

export function isSpeed(value: unknown): value is Speed {
  return (SPEEDS as readonly unknown[]).includes(value);
}

function refuse(what: string, value: unknown): AppError {
  return new AppError('invalid_parameter', `${what}, got ${String(value)}`);
}

function parseFilter(filter: TickFilter): TickFilter | undefined {
  const { min_change: minChange, on_trade: onTrade } = filter;
  if (minChange !== undefined && !(Number.isFinite(minChange) && minChange > 0)) {
    throw refuse('filter.min_change must be a number of rupees above zero', minChange);
  }
  if (onTrade !== undefined && onTrade !== true)
    throw refuse('filter.on_trade must be true or absent', onTrade);
  if (minChange === undefined && onTrade === undefined) return undefined;
  return {
    ...(minChange === undefined ? {} : { min_change: minChange }),
    ...(onTrade === undefined ? {} : { on_trade: true }),
  };
}

/** Throws AppError `invalid_parameter` naming the option and its value. */
export function parseOptions(options: SubscriptionOptions): StreamOptions {
  const { mode = 'full', speed = 'rt' } = options;
  if (!isMode(mode)) throw refuse(`mode must be one of ${MODES.join(', ')}`, mode);
  if (!isSpeed(speed)) throw refuse(`speed must be one of ${SPEEDS.join(', ')}`, speed);
  const filter = options.filter && parseFilter(options.filter);
  return { mode, speed, ...(filter ? { filter } : {}) };
}

/** The key that two spellings of one symbol share. Throws AppError for what can be neither token nor symbol. */
export function instrumentKey(instrument: Instrument): Instrument {
  if (typeof instrument === 'string') {
    const isSymbol = instrument.length <= CLIENT_SYMBOL_CHARS_MAX && /^[^:\s]+:\S/.test(instrument);
    if (!isSymbol) throw refuse('a symbol is written like NSE:RELIANCE', instrument.slice(0, 40));
    return instrument.toUpperCase();
  }
  if (parseInstrumentToken(instrument) === undefined) {
    throw refuse('an instrument token is an integer from 1 to 4294967295', instrument);
  }
  return instrument;
}

function weakerFilter(a: TickFilter | undefined, b: TickFilter | undefined): TickFilter | undefined {
  const minChange =
    a?.min_change === undefined || b?.min_change === undefined
      ? undefined
      : Math.min(a.min_change, b.min_change);
  const isOnTrade = a?.on_trade === true && b?.on_trade === true;
  if (minChange === undefined && !isOnTrade) return undefined;
  return {
    ...(minChange === undefined ? {} : { min_change: minChange }),
    ...(isOnTrade ? { on_trade: true } : {}),
  };
}

/**
 * The least that gives both what they asked for: the higher mode, the faster speed, a filter that lets pass whatever
 * either filter does. The protocol has one stream per instrument and connection.
 */
export function mergeOptions(a: StreamOptions, b: StreamOptions): StreamOptions {
  const mode = MODES.indexOf(a.mode) >= MODES.indexOf(b.mode) ? a.mode : b.mode;
  const speed = SPEEDS.indexOf(a.speed) <= SPEEDS.indexOf(b.speed) ? a.speed : b.speed;
  const filter = weakerFilter(a.filter, b.filter);
  return { mode, speed, ...(filter ? { filter } : {}) };
}

/** Equal for equal options, and only for them. */
export function optionsKey({ mode, speed, filter }: StreamOptions): string {
  return `${mode}|${speed}|${filter?.min_change ?? ''}|${filter?.on_trade ?? ''}`;
}
