// The Worker's HTTP surface: which route answers what, and how an error looks.
import { Hono } from 'hono';
import { AppError } from '../shared/errors.ts';
import type { Env } from './env.ts';
import { accounts } from './routes/accounts.ts';
import { authTest } from './routes/auth-test.ts';
import { chain } from './routes/chain.ts';
import { drain } from './routes/drain.ts';
import { health } from './routes/health.ts';
import { ingest } from './routes/ingest.ts';
import { instruments } from './routes/instruments.ts';
import { kitePostback } from './routes/kite-postback.ts';
import { metrics } from './routes/metrics.ts';
import { orderBook } from './routes/order-book.ts';
import { orderHalts } from './routes/order-halts.ts';
import { orderTasks } from './routes/order-tasks.ts';
import { orders } from './routes/orders.ts';
import { page } from './routes/page.ts';
import { revoke } from './routes/revoke.ts';
import { stats } from './routes/stats.ts';
import { subscriptions } from './routes/subscriptions.ts';

export const app = new Hono<{ Bindings: Env }>();

app.route('/ws', stats);
app.route('/ingest', ingest);
app.route('/', health);
app.route('/', drain);
app.route('/instruments', instruments);
app.route('/chain', chain);
app.route('/', metrics);
app.route('/', authTest);
app.route('/', revoke);
app.route('/', accounts);
app.route('/subscriptions', subscriptions);
for (const route of [orders, orderTasks, orderHalts, orderBook, kitePostback]) app.route('/', route);
app.route('/', page);

app.notFound((c) =>
  c.json({ status: 'error', code: 'not_found', message: `no ${c.req.method} ${c.req.path}` }, 404),
);

/** Errors of ours say what was wrong; anything else is logged here and says nothing outside. */
export function errorResponse(error: unknown, request: Request): Response {
  const known = error instanceof AppError ? error : undefined;
  if (!known) console.error(`${request.method} ${new URL(request.url).pathname}: ${error}`);
  const shown = known ?? new AppError('internal', 'internal error');
  return Response.json(
    { status: 'error', code: shown.code, message: shown.message },
    { status: shown.httpStatus },
  );
}

app.onError((error, c) => errorResponse(error, c.req.raw));
