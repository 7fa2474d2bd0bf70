// Answers of the REST API as bytes, and the ways in which an answer goes wrong between us and the caller.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ActiveFault } from './control/fault-book.ts';
import { malformRows } from './core/malformed-rows.ts';
import { KiteError, type KiteErrorType } from './kite-error.ts';

const gzipAsync = promisify(gzip);

export interface RestAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly location?: string;
  readonly plain: Buffer;
  /** Made ahead, where it is worth keeping. */
  readonly gzipped?: Buffer;
}

/** Faults that replace an answer, and those that spoil one on its way. */
export const REPLACING_FAULTS = ['rest_status', 'rest_html', 'rest_hang', 'rest_reset'] as const;
export const SPOILING_FAULTS = ['rest_cut', 'rest_half', 'malformed_rows'] as const;
export type ReplacingFault = ActiveFault<(typeof REPLACING_FAULTS)[number]>['fault'];
export type SpoilingFault = ActiveFault<(typeof SPOILING_FAULTS)[number]>;

/** Exactly this type: with a charset behind it the official JavaScript client does not parse the rows. */
const CSV = 'text/csv';
const TOO_MANY_REQUESTS = 'Too many requests';

export function jsonAnswer(status: number, body: object): RestAnswer {
  return { status, contentType: 'application/json', plain: Buffer.from(JSON.stringify(body)) };
}

export function csvAnswer(plain: Buffer, gzipped: Buffer): RestAnswer {
  return { status: 200, contentType: CSV, plain, gzipped };
}

export function redirectAnswer(location: string): RestAnswer {
  return { status: 302, contentType: 'text/html', location, plain: Buffer.alloc(0) };
}

export function errorAnswer({ httpStatus, message, errorType }: KiteError): RestAnswer {
  const told = { status: 'error', message, error_type: errorType };
  // Kite's gate answers 429 before its API does, and without `data` (forum 43297).
  return jsonAnswer(httpStatus, httpStatus === 429 ? told : { ...told, data: null });
}

/** The type that Kite's documentation gives a status (kite.trade/docs/connect/v3/exceptions). */
function errorTypeOf(status: number): KiteErrorType {
  switch (status) {
    case 403:
      return 'TokenException';
    case 400:
      return 'InputException';
    case 429:
    case 503:
      return 'NetworkException';
    case 502:
      return 'DataException';
    default:
      return 'GeneralException';
  }
}

function faultMessage(status: number): string {
  if (status === 429) return TOO_MANY_REQUESTS;
  return status === 403 ? 'Incorrect `api_key` or `access_token`.' : (STATUS_CODES[status] ?? 'Error');
}

function htmlAnswer(status: number): RestAnswer {
  const title = status === 200 ? 'Maintenance' : `${status} ${STATUS_CODES[status] ?? 'Error'}`;
  const page = `<html>\r\n<head><title>${title}</title></head>\r\n<body><h1>${title}</h1></body>\r\n</html>\r\n`;
  return { status, contentType: 'text/html', plain: Buffer.from(page) };
}

/** What the caller gets in place of an answer; nothing, when it waits for ever or its connection is cut. */
export function replaceAnswer(fault: ReplacingFault, request: IncomingMessage): RestAnswer | undefined {
  switch (fault.kind) {
    case 'rest_status': {
      const { status, message = faultMessage(status), error_type: errorType = errorTypeOf(status) } = fault;
      return errorAnswer(new KiteError(status, errorType, message));
    }
    case 'rest_html':
      return htmlAnswer(fault.status);
    case 'rest_hang':
      return undefined;
    case 'rest_reset':
      if (request.socket instanceof Socket) request.socket.resetAndDestroy();
      return undefined;
  }
}

/** Sends the answer, gzipped if it can be and the caller takes that, whole or as the fault has it. */
export async function sendAnswer(
  response: ServerResponse,
  request: IncomingMessage,
  answer: RestAnswer,
  spoiling: SpoilingFault | undefined,
): Promise<void> {
  const isGzipped =
    answer.contentType === CSV && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const plain = spoiling === undefined ? answer.plain : spoilt(answer, spoiling);
  const ready = plain === answer.plain ? answer.gzipped : undefined;
  const body = isGzipped ? (ready ?? (await gzipAsync(plain))) : plain;
  response.setHeader('content-type', answer.contentType);
  if (answer.location !== undefined) response.setHeader('location', answer.location);
  if (isGzipped) response.setHeader('content-encoding', 'gzip');
  response.writeHead(answer.status, { 'content-length': body.byteLength });
  if (spoiling?.fault.kind !== 'rest_cut') {
    response.end(body);
    return;
  }
  // Headers and a part of the body are on their way before the connection goes.
  const sentBytes = Math.ceil(body.byteLength * spoiling.fault.fraction);
  response.write(body.subarray(0, sentBytes), () => response.destroy());
}

/** The body as it comes to be before it is sent. */
function spoilt(answer: RestAnswer, { fault, random }: SpoilingFault): Buffer {
  switch (fault.kind) {
    case 'rest_cut':
      return answer.plain;
    case 'rest_half':
      return answer.plain.subarray(0, Math.floor(answer.plain.byteLength * fault.fraction));
    case 'malformed_rows':
      if (answer.contentType !== CSV) return answer.plain;
      return Buffer.from(malformRows(answer.plain.toString(), fault.rows, random));
  }
}
