// What differs between kinds of streams when the server is asked for them: ticks, and bars of one interval.
import type { BarInterval } from '../bar-interval.ts';
import type { WantedStream } from './desired-state.ts';
import { type Instrument, mergeOptions, optionsKey, type StreamOptions } from './subscription-options.ts';

export type CommandFields = Readonly<Record<string, unknown>>;

/** A stream that is about to be asked for, with its canonical key. */
export interface AskedStream<Options> extends WantedStream<Options> {
  readonly key: Instrument;
}

export interface StreamKind<Options> {
  /** Characters that a stream takes in a command beside its instrument. */
  readonly itemChars: number;
  /** The least that serves both. */
  merge(a: Options, b: Options): Options;
  /** Equal for equal options, and only for them. */
  optionsKey(options: Options): string;
  /** Streams with the same text are asked for in one command. */
  groupOf(stream: AskedStream<Options>): string;
  /** What a command says of these streams of one group. They are asked for from now on. */
  subscribeFields(streams: readonly AskedStream<Options>[]): CommandFields;
  unsubscribeFields(wires: readonly Instrument[]): CommandFields;
}

/** Where the ticks of one kind of options were when the last connection ended. */
export interface ResumePoint {
  /** By optionsKey: what has other options by now gets its values anew. */
  readonly options: string;
  readonly epoch: string;
  seq: number;
  readonly keys: Set<Instrument>;
}

export class TickKind implements StreamKind<StreamOptions> {
  readonly itemChars = 0;
  #points: readonly ResumePoint[] = [];

  /** From here the next connection goes on. */
  resumeFrom(points: readonly ResumePoint[]): void {
    this.#points = points;
  }

  /** The value that was to be resumed from is gone, or newer than that. */
  forgetResume(key: Instrument): void {
    for (const { keys } of this.#points) keys.delete(key);
  }

  merge(a: StreamOptions, b: StreamOptions): StreamOptions {
    return mergeOptions(a, b);
  }

  optionsKey(options: StreamOptions): string {
    return optionsKey(options);
  }

  groupOf(stream: AskedStream<StreamOptions>): string {
    return `${optionsKey(stream.options)}#${this.#points.findIndex((point) => isAt(point, stream))}`;
  }

  subscribeFields(streams: readonly AskedStream<StreamOptions>[]): CommandFields {
    const [first] = streams;
    if (!first) return {};
    const { mode, speed, filter } = first.options;
    const point = this.#points.find((candidate) => isAt(candidate, first));
    for (const { key } of streams) this.forgetResume(key);
    return {
      ...namesOf(streams.map(({ wire }) => wire)),
      ...(mode === 'full' ? {} : { mode }),
      ...(speed === 'rt' ? {} : { speed }),
      ...(filter ? { filter } : {}),
      ...(point ? { resume: { epoch: point.epoch, seq: point.seq } } : {}),
    };
  }

  unsubscribeFields(wires: readonly Instrument[]): CommandFields {
    return namesOf(wires);
  }
}

/** Bars have no options but their interval, and each instrument goes on where its own bars ended. */
export class BarKind implements StreamKind<BarInterval> {
  /** `{"symbol":,"after":"2026-11-20T04:00:00.000Z"}` */
  readonly itemChars = 48;
  readonly #interval: BarInterval;
  readonly #positionOf: (key: Instrument) => string | undefined;

  /** `positionOf` gives the start after which an instrument's closed bars have not come, if it had some. */
  constructor(interval: BarInterval, positionOf: (key: Instrument) => string | undefined) {
    this.#interval = interval;
    this.#positionOf = positionOf;
  }

  merge(interval: BarInterval): BarInterval {
    return interval;
  }

  optionsKey(interval: BarInterval): string {
    return interval;
  }

  groupOf(stream: AskedStream<BarInterval>): string {
    return this.#positionOf(stream.key) === undefined ? 'new' : 'known';
  }

  subscribeFields(streams: readonly AskedStream<BarInterval>[]): CommandFields {
    const common = { kind: 'bar', interval: this.#interval };
    const isNew = streams.every((stream) => this.groupOf(stream) === 'new');
    if (isNew) return { ...common, ...namesOf(streams.map(({ wire }) => wire)) };
    const items = streams.map(({ key, wire }) => ({
      ...(typeof wire === 'number' ? { token: wire } : { symbol: wire }),
      after: this.#positionOf(key),
    }));
    return { ...common, items };
  }

  unsubscribeFields(wires: readonly Instrument[]): CommandFields {
    return { kind: 'bar', interval: this.#interval, ...namesOf(wires) };
  }
}

function isAt({ options, keys }: ResumePoint, stream: AskedStream<StreamOptions>): boolean {
  return options === optionsKey(stream.options) && keys.has(stream.key);
}

function namesOf(wires: readonly Instrument[]): CommandFields {
  const tokens = wires.filter((wire) => typeof wire === 'number');
  const symbols = wires.filter((wire) => typeof wire === 'string');
  return { ...(tokens.length > 0 ? { tokens } : {}), ...(symbols.length > 0 ? { symbols } : {}) };
}
