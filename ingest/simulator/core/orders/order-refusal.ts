// Refusals of the order system, in Kite's words (kite.trade/docs/connect/v3/exceptions and its forum).

export interface OrderRefusal {
  readonly httpStatus: number;
  readonly errorType:
    | 'InputException'
    | 'OrderException'
    | 'MarginException'
    | 'HoldingException'
    | 'NetworkException'
    | 'PermissionException';
  readonly message: string;
}

export function inputRefusal(message: string): OrderRefusal {
  return { httpStatus: 400, errorType: 'InputException', message };
}

export const NO_PROTECTION = inputRefusal(
  'Market orders without market protection are not allowed via API. Please set market protection or use a Limit order.',
);
/** Also of an order that is complete or cancelled already. */
export const MODIFIED_IN_PROCESS = inputRefusal(
  'Order cannot be modified as it is being processed. Try later.',
);
export const CANCELLED_IN_PROCESS = inputRefusal(
  'Order cannot be cancelled as it is being processed. Try later.',
);
export const MODIFICATIONS_EXCEEDED = inputRefusal('Maximum allowed order modifications exceeded.');
/** The caller's address is not registered for order writes. */
export const ADDRESS_REFUSAL: OrderRefusal = {
  httpStatus: 403,
  errorType: 'PermissionException',
  message: 'Insufficient permission for that call.',
};
export const TOO_MANY_REQUESTS: OrderRefusal = {
  httpStatus: 429,
  errorType: 'NetworkException',
  message: 'Too many requests',
};
export const DAY_EXCEEDED: OrderRefusal = {
  ...TOO_MANY_REQUESTS,
  message: 'Maximum allowed order requests exceeded.',
};

export function noSuchOrder(orderId: string): OrderRefusal {
  const message = `The order for ID (${orderId}) does not exist`;
  return { httpStatus: 400, errorType: 'OrderException', message };
}

/** Rupees. */
export function marginRefusal(required: number, available: number): OrderRefusal {
  const message = `Insufficient funds. Required margin is ${required.toFixed(2)} but available margin is ${available.toFixed(2)}.`;
  return { httpStatus: 400, errorType: 'MarginException', message };
}
