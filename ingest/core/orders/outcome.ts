// What became of a write request to Kite, as far as can be known from what came back.

/** What came back of a write request. */
export type WriteReply =
  /** An HTTP status and a whole body, whatever it is. */
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      /** `data.order_id` of an envelope with status `success`; undefined in anything else. */
      readonly orderId: string | undefined;
      /** Kite's own words where the body is its error envelope: `error_type` and `message`. */
      readonly errorType: string | undefined;
      readonly message: string | undefined;
      readonly retryAfterMs?: number;
    }
  /** Reset, abort, timeout, broken pipe, a body that ended early: Kite may have done it. */
  | { readonly kind: 'lost'; readonly problem: string }
  /** No byte has left: no connection came to be, or the request did not get its turn in time. */
  | { readonly kind: 'not_sent'; readonly problem: string };

export type WriteOutcome =
  /** Kite has taken it. Its exchange has not answered yet. */
  | { readonly kind: 'acknowledged'; readonly orderId: string }
  /** Kite has said no: it is known not to be done. `code` is Kite's `error_type`, or `http_<status>`. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** 429, turned away at the gate: it may be sent again, after a look at the book. */
  | { readonly kind: 'throttled'; readonly retryAfterMs?: number }
  /** It has not left: it may be sent again. */
  | { readonly kind: 'not_sent'; readonly problem: string }
  /** Nobody knows: it is never sent again, but looked for. */
  | { readonly kind: 'unknown'; readonly problem: string };
