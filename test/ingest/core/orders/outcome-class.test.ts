// Each class of replies to a write request: what is not known to be safe is never said to be.
import { expect, test } from 'vitest';
import type { WriteOutcome, WriteReply } from '../../../../ingest/core/orders/outcome.ts';
import { classifyWrite } from '../../../../ingest/core/orders/outcome-class.ts';

const answered = (
  httpStatus: number,
  errorType?: string,
  message?: string,
  orderId?: string,
): WriteReply => ({
  kind: 'answered',
  httpStatus,
  orderId,
  errorType,
  message,
});
const TIMED_OUT = 'Order request timed out. Please check the order book and confirm before placing again.';

test.each<[string, WriteReply, WriteOutcome['kind']]>([
  ['200 with an order id', answered(200, undefined, undefined, '19533'), 'acknowledged'],
  ['400 of input', answered(400, 'InputException', 'Invalid `price`.'), 'refused'],
  ['400 of margin', answered(400, 'MarginException', 'Insufficient funds.'), 'refused'],
  ['400 of holdings', answered(400, 'HoldingException', 'No holdings.'), 'refused'],
  ['400 of the order', answered(400, 'OrderException', 'The order for ID (1) does not exist'), 'refused'],
  ['403 of the token', answered(403, 'TokenException', 'Incorrect token.'), 'refused'],
  [
    '403 of permission',
    answered(403, 'PermissionException', 'Insufficient permission for that call.'),
    'refused',
  ],
  ['404', answered(404), 'refused'],
  ['404 in words', answered(404, 'GeneralException', 'Route not found'), 'refused'],
  ['405', answered(405), 'refused'],
  ['429', answered(429, 'NetworkException', 'Too many requests'), 'throttled'],
  ['429 of the CDN', answered(429), 'throttled'],
  ['no connection', { kind: 'not_sent', problem: 'ECONNREFUSED' }, 'not_sent'],
  ['400 that timed out', answered(400, 'OrderException', TIMED_OUT), 'unknown'],
  ['400 that timed out, otherwise', answered(400, 'InputException', 'Time out at the OMS'), 'unknown'],
  ['400 that timed out, in one word', answered(400, 'InputException', 'TIMEOUT'), 'unknown'],
  ['400 of a type that is in no table', answered(400, 'UserException', 'Blocked'), 'unknown'],
  ['400 of no Kite', answered(400), 'unknown'],
  ['403 of the CDN', answered(403), 'unknown'],
  ['410', answered(410, 'InputException', 'Gone'), 'unknown'],
  ['500 of the order', answered(500, 'OrderException', 'Something'), 'unknown'],
  ['502 as HTML', answered(502), 'unknown'],
  ['503', answered(503, 'NetworkException', 'Request failed (kitetrade-oms).'), 'unknown'],
  ['504', answered(504), 'unknown'],
  ['a network exception with 400', answered(400, 'NetworkException', 'No route'), 'unknown'],
  ['a data exception with 200', answered(200, 'DataException', 'Bad answer'), 'unknown'],
  ['a general exception', answered(500, 'GeneralException', 'Error'), 'unknown'],
  ['200 as HTML', answered(200), 'unknown'],
  ['200 with an error and an id', answered(200, 'InputException', 'No', '19533'), 'unknown'],
  ['a redirect', answered(302), 'unknown'],
  ['reset', { kind: 'lost', problem: 'ECONNRESET' }, 'unknown'],
  ['abort', { kind: 'lost', problem: 'ECONNABORTED' }, 'unknown'],
  ['broken pipe', { kind: 'lost', problem: 'EPIPE' }, 'unknown'],
])('%s', (_, reply, kind) => {
  expect(classifyWrite(reply).kind).toBe(kind);
});

test('an outcome has the id, the words, or the wait', () => {
  expect(classifyWrite(answered(200, undefined, undefined, '1953341975595868160'))).toEqual({
    kind: 'acknowledged',
    orderId: '1953341975595868160',
  });
  expect(classifyWrite(answered(400, 'MarginException', 'Insufficient funds.'))).toEqual({
    kind: 'refused',
    code: 'MarginException',
    message: 'Insufficient funds.',
  });
  expect(classifyWrite({ ...answered(429), retryAfterMs: 3_000 } as WriteReply)).toEqual({
    kind: 'throttled',
    retryAfterMs: 3_000,
  });
});
