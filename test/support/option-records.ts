// Records of options with Greeks, and the options of a chain, made by hand for tests.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { FORWARD_SOURCES, type ForwardSource, GREEKS_AT, greekWord } from '../../shared/record-greeks.ts';
import { FULL_RECORD_WORDS, RECORD_KIND } from '../../shared/tick.ts';
import { type RecordFields, recordOf } from './records.ts';

/** Prices raw; volatility in percent. A status of 0 is `ok`. */
export interface GreeksFields {
  readonly status?: number;
  readonly source?: ForwardSource;
  readonly forward?: number;
  readonly underlying?: number;
  readonly iv?: number;
  readonly delta?: number;
}

export function optionRecordOf(
  token: number,
  fields: RecordFields,
  greeks: GreeksFields,
  receivedAtMs = 1_764_000_000_000,
): Uint32Array {
  const words = recordOf(token, RECORD_KIND.optionFull, fields, receivedAtMs);
  const at = FULL_RECORD_WORDS;
  const { status = 0, source = 'synthetic', forward = 0, underlying = 0, iv = 0, delta = 0 } = greeks;
  words[at + GREEKS_AT.flags / 4] = status | (FORWARD_SOURCES.indexOf(source) << 8);
  words[at + GREEKS_AT.forward / 4] = forward;
  words[at + GREEKS_AT.underlying / 4] = underlying;
  words[at + GREEKS_AT.iv / 4] = greekWord(iv);
  words[at + GREEKS_AT.delta / 4] = greekWord(delta);
  return words;
}

/** Puts and calls of one underlying and expiry: tokens count up from `firstToken`, call before put. */
export function chainDefinitions(
  name: string,
  expiry: string,
  strikes: readonly number[],
  firstToken: number,
): InstrumentDefinition[] {
  return strikes.flatMap((strike, i) =>
    (['CE', 'PE'] as const).map((type, side) => ({
      instrument_token: (firstToken + (2 * i + side) * 256) as InstrumentToken,
      tradingsymbol: `${name}${expiry.replaceAll('-', '')}${strike}${type}`,
      exchange: 'NFO',
      name,
      segment: 'NFO-OPT',
      instrument_type: type,
      expiry,
      strike,
      tick_size: 0.05,
      lot_size: 75,
    })),
  );
}
