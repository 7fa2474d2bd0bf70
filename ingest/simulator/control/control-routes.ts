// The control routes, /_simulator and below: JSON over HTTP for programs of this machine only.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { inputError, KiteError, kiteErrorOf } from '../kite-error.ts';
import type { OrderDesk } from '../order-desk.ts';
import { readBody } from '../request-body.ts';
import { errorAnswer, jsonAnswer, type RestAnswer, sendAnswer } from '../rest-answer.ts';
import { Command } from './command.ts';
import type { SimulatorControl } from './control.ts';
import { Fault } from './fault.ts';
import type { FaultBook } from './fault-book.ts';

const ROOT = '/_simulator';

export interface ControlRoutesParts {
  readonly control: SimulatorControl;
  readonly orders: OrderDesk;
  readonly faults: FaultBook;
  /** Called when faults have changed. */
  readonly onFaults: () => void;
}

export function isControlPath(url: string | undefined): boolean {
  const path = (url ?? '').split('?')[0] ?? '';
  return path === ROOT || path.startsWith(`${ROOT}/`);
}

export function isLoopbackAddress(address: string): boolean {
  return /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) || address === '::1';
}

export class ControlRoutes {
  readonly #parts: ControlRoutesParts;

  constructor(parts: ControlRoutesParts) {
    this.#parts = parts;
  }

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await sendAnswer(response, request, await this.#answer(request), undefined);
    } catch (error) {
      if (!response.destroyed) await sendAnswer(response, request, errorAnswer(refusalOf(error)), undefined);
    }
  }

  async #answer(request: IncomingMessage): Promise<RestAnswer> {
    refuseStrangers(request);
    const { control, orders, faults, onFaults } = this.#parts;
    const { pathname } = new URL(request.url ?? '', 'http://simulator');
    const route = `${request.method} ${pathname}`;
    if (route === `GET ${ROOT}`) return told(control.state);
    if (route === `GET ${ROOT}/orders`) return told(orders.counts);
    if (route === `POST ${ROOT}/commands`) return told(control.run(Command.parse(await readJson(request))));
    if (route === `POST ${ROOT}/faults`) {
      const id = faults.add(Fault.parse(await readJson(request)));
      onFaults();
      return told({ id });
    }
    const standing = /^DELETE \/_simulator\/faults(?:\/(\d+))?$/.exec(route);
    if (standing === null) throw new KiteError(404, 'GeneralException', `There is no ${route}.`);
    const [, id] = standing;
    if (id === undefined) faults.clear();
    else if (!faults.remove(Number(id)))
      throw new KiteError(404, 'GeneralException', `There is no fault ${id}.`);
    onFaults();
    return told(faults.list());
  }
}

function told(data: unknown): RestAnswer {
  return jsonAnswer(200, { status: 'success', data });
}

function refusalOf(error: unknown): KiteError {
  if (error instanceof z.ZodError) {
    const issues = error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
    return inputError(issues.join('; '));
  }
  if (error instanceof RangeError) return inputError(error.message);
  return kiteErrorOf(error);
}

/**
 * Other machines, and pages that a browser on this one has open: those come under a name of theirs (DNS rebinding), and
 * may post anything but JSON without asking.
 */
function refuseStrangers(request: IncomingMessage): void {
  const host = URL.parse(`http://${request.headers.host ?? ''}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  const isLocal =
    isLoopbackAddress(request.socket.remoteAddress ?? '') &&
    (host === 'localhost' || isLoopbackAddress(host));
  if (!isLocal) throw new KiteError(403, 'GeneralException', 'Only for programs on this machine.');
  if (request.method === 'POST' && !/^application\/json\b/.test(request.headers['content-type'] ?? ''))
    throw inputError('content-type must be application/json');
  if (request.headers.origin !== undefined)
    throw new KiteError(403, 'GeneralException', 'Not for pages in a browser.');
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  try {
    return JSON.parse(await readBody(request));
  } catch (error) {
    if (error instanceof SyntaxError) throw inputError('body: is not JSON');
    throw error;
  }
}
