// Errors as Kite's REST API tells them: an HTTP status and one of its named types.

/** kite.trade/docs/connect/v3/exceptions; only those that the simulator can have. */
export const KITE_ERROR_TYPES = [
  'TokenException',
  'PermissionException',
  'InputException',
  'OrderException',
  'MarginException',
  'HoldingException',
  'NetworkException',
  'DataException',
  'GeneralException',
] as const;
export type KiteErrorType = (typeof KITE_ERROR_TYPES)[number];

/** A refusal whose status, type and message go to the caller as they are. */
export class KiteError extends Error {
  readonly httpStatus: number;
  readonly errorType: KiteErrorType;

  constructor(httpStatus: number, errorType: KiteErrorType, message: string) {
    super(message);
    this.name = 'KiteError';
    this.httpStatus = httpStatus;
    this.errorType = errorType;
  }
}

export function inputError(message: string): KiteError {
  return new KiteError(400, 'InputException', message);
}

export function tokenError(message: string): KiteError {
  return new KiteError(403, 'TokenException', message);
}

/** What the caller is told of any error; what is not for it is told to us. */
export function kiteErrorOf(error: unknown): KiteError {
  if (error instanceof KiteError) return error;
  process.emitWarning(error instanceof Error ? error : String(error));
  return new KiteError(500, 'GeneralException', 'Something went wrong in the simulator.');
}
