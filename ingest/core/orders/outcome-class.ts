// Which class a reply to a write request is of: whether Kite has done it, has not, or nobody knows.
import { assertNever } from '../../../shared/errors.ts';
import type { WriteOutcome, WriteReply } from './outcome.ts';

/**
 * Kite's own refusals. With NetworkException, DataException and GeneralException it says that it lost sight of its order system; of
 * other types, and of pages that are not Kite's, nobody has said that nothing was placed.
 */
const REFUSALS: Readonly<Record<number, ReadonlySet<string>>> = {
  400: new Set(['InputException', 'MarginException', 'HoldingException', 'OrderException']),
  403: new Set(['TokenException', 'PermissionException']),
};
/** No such way or method: nothing behind it can have taken an order. */
const NO_SUCH_WAY = new Set([404, 405]);
/** `Order request timed out. Please check the order book ...` comes with 400, and the order may be placed. */
const TIMED_OUT = /timed?[\s-]*out/i;

/** The class of a reply. What is not known to be safe is `unknown`. */
export function classifyWrite(reply: WriteReply): WriteOutcome {
  switch (reply.kind) {
    case 'not_sent':
      return { kind: 'not_sent', problem: reply.problem };
    case 'lost':
      return { kind: 'unknown', problem: reply.problem };
    case 'answered':
      return classifyAnswer(reply);
    default:
      return assertNever(reply);
  }
}

function classifyAnswer(answer: Extract<WriteReply, { kind: 'answered' }>): WriteOutcome {
  const { httpStatus, orderId, errorType, message = '', retryAfterMs } = answer;
  if (httpStatus === 429)
    return { kind: 'throttled', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (httpStatus === 200 && orderId !== undefined && errorType === undefined) {
    return { kind: 'acknowledged', orderId };
  }
  const words = errorType === undefined ? "not Kite's JSON" : `${errorType}: ${message}`;
  const unknown = { kind: 'unknown', problem: `status ${httpStatus}, ${words}` } as const;
  if (TIMED_OUT.test(message)) return unknown;
  const isRefused =
    NO_SUCH_WAY.has(httpStatus) || (errorType !== undefined && REFUSALS[httpStatus]?.has(errorType) === true);
  return isRefused ? { kind: 'refused', code: errorType ?? `http_${httpStatus}`, message } : unknown;
}
