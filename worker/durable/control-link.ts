// The one object that knows the parts: which gateways there are, and what the sidecar last said of itself.
import { DurableObject } from 'cloudflare:workers';
import type { SidecarStatus } from '../../shared/status.ts';
import type { Env } from '../env.ts';

const GATEWAY_PREFIX = 'gateway:';

export interface ReportedStatus {
  readonly status: SidecarStatus;
  readonly receivedAtMs: number;
}

export type StatusVerdict = 'taken' | 'replayed' | 'superseded';

export class ControlLink extends DurableObject<Env> {
  #reported: ReportedStatus | undefined;
  #signedAtMs = 0;

  /** A gateway says that it exists. Names are few (regions x slots) and are kept for ever. */
  announceGateway(name: string): void {
    this.ctx.storage.kv.put(GATEWAY_PREFIX + name, Date.now());
  }

  gateways(): string[] {
    return [...this.ctx.storage.kv.list({ prefix: GATEWAY_PREFIX })].map(([key]) =>
      key.slice(GATEWAY_PREFIX.length),
    );
  }

  /** Takes the sidecar's report. A lost one costs a second: the next is on its way. */
  report(status: SidecarStatus, signedAtMs: number): StatusVerdict {
    const epoch = this.#reported?.status.epoch ?? 0;
    if (status.epoch < epoch) return 'superseded';
    if (status.epoch === epoch && signedAtMs <= this.#signedAtMs) return 'replayed';
    this.#signedAtMs = signedAtMs;
    this.#reported = { status, receivedAtMs: Date.now() };
    return 'taken';
  }

  /** The last report, however old; undefined if there was none since this object started. */
  reported(): ReportedStatus | undefined {
    return this.#reported;
  }
}
