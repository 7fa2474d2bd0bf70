// Where the token comes from: a fixed text, or the application's callback, asked once at a time and not for ever.
import { CLIENT_SDK_TOKEN_MS_MAX } from '../limits.ts';
import type { Clock, Timer } from './clock.ts';

export type TokenOption = string | (() => string | Promise<string>);

export class TokenSource {
  readonly #option: TokenOption;
  readonly #clock: Clock;
  #fetching: Promise<string> | undefined;
  #timer: Timer | undefined;

  constructor(option: TokenOption, clock: Clock) {
    this.#option = option;
    this.#clock = clock;
  }

  /** Whether asking again can give another token. */
  get canRenew(): boolean {
    return typeof this.#option === 'function';
  }

  /** A token to use now. Rejects with what the callback threw, or when it gives none in time. */
  fetch(): Promise<string> {
    const option = this.#option;
    if (typeof option === 'string') return Promise.resolve(option);
    this.#fetching ??= this.#ask(option).finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** Nobody waits for the callback any more. */
  abandon(): void {
    this.#timer?.cancel();
  }

  #ask(callback: () => string | Promise<string>): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#timer = this.#clock.after(CLIENT_SDK_TOKEN_MS_MAX, () =>
        reject(new Error(`no token after ${CLIENT_SDK_TOKEN_MS_MAX / 1000} s`)),
      );
      new Promise<string>((settle) => settle(callback()))
        .then((token) => {
          if (typeof token !== 'string' || token === '') throw new Error('the callback gave no token');
          resolve(token);
        })
        .catch(reject)
        .finally(() => this.#timer?.cancel());
    });
  }
}
