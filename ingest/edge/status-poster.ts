// Reports the sidecar's status to the edge, each second and when something in it cannot wait.
import { STATUS_BYTES_MAX, STATUS_INTERVAL_MS } from '../../shared/limits.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import { errorText, type Logger, quote } from '../log.ts';
import { type Post, SigningTimes } from './signed-post.ts';

const STATUS_PATH = '/ingest/status';

export interface StatusPosterOptions {
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Logger;
  readonly status: () => SidecarStatus;
  /** A later sidecar is active. */
  readonly onSuperseded: (reason: string) => void;
}

/** A report that fails is not repeated: the next one says more. */
export class StatusPoster {
  readonly #options: StatusPosterOptions;
  readonly #times: SigningTimes;
  #timer: Timer | undefined;
  #isStopped = false;
  #isUnderWay = false;
  /** Asked for while a report was under way, which may have been written before the news. */
  #isDue = false;
  #isFailing = false;

  constructor(options: StatusPosterOptions) {
    this.#options = options;
    this.#times = new SigningTimes(options.clock);
  }

  start(): void {
    void this.#report();
  }

  /** Reports at once, or as soon as the report under way is answered. */
  reportNow(): void {
    if (this.#isStopped) return;
    if (this.#isUnderWay) this.#isDue = true;
    else {
      this.#timer?.cancel();
      void this.#report();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #report(): Promise<void> {
    const { post, clock, status, onSuperseded } = this.#options;
    const startedAtMs = clock.monotonicMs();
    let failure: string | undefined;
    this.#isUnderWay = true;
    this.#isDue = false;
    try {
      const body = Buffer.from(JSON.stringify(status()));
      if (body.byteLength > STATUS_BYTES_MAX) throw new Error(`status of ${body.byteLength} bytes`);
      const { httpStatus, text } = await post(STATUS_PATH, 'application/json', body, this.#times.next());
      if (this.#isStopped) return;
      if (httpStatus === 409) {
        this.stop();
        onSuperseded(quote(text));
        return;
      }
      if (httpStatus !== 200) failure = `status ${httpStatus}: ${quote(text)}`;
    } catch (error) {
      failure = errorText(error);
    } finally {
      this.#isUnderWay = false;
    }
    if (this.#isStopped) return;
    this.#logChange(failure);
    const spentMs = clock.monotonicMs() - startedAtMs;
    // An edge that fails is not asked sooner: the news is in the next report anyway.
    const delayMs = this.#isDue && failure === undefined ? 0 : Math.max(0, STATUS_INTERVAL_MS - spentMs);
    this.#timer = clock.after(delayMs, () => void this.#report());
  }

  #logChange(failure: string | undefined): void {
    const { log } = this.#options;
    if (failure !== undefined && !this.#isFailing)
      log.warn('edge does not take status reports', { reason: failure });
    if (failure === undefined && this.#isFailing) log.info('edge takes status reports again');
    this.#isFailing = failure !== undefined;
  }
}
