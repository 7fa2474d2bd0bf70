// GET /health: one look at everything that has to work, in the shape that the first service had.
import { Hono } from 'hono';
import { AppError } from '../../shared/errors.ts';
import {
  HEALTH_CACHE_MS,
  HEALTH_DATABASE_MS_MAX,
  HEALTH_WAIT_MS_MAX,
  LOOK_AGAIN_MS,
  STATUS_AGE_MS_MAX,
} from '../../shared/limits.ts';
import type { LoginState } from '../../shared/status.ts';
import type { Background } from '../auth/authentication.ts';
import { ReadingTurns, type Turn } from '../core/reading-turns.ts';
import type { ReportedStatus } from '../durable/control-link.ts';
import type { Env } from '../env.ts';
import { pingDatabase } from '../store/db.ts';
import { gatherCounts, reportedStatus } from './fleet.ts';

export const health = new Hono<{ Bindings: Env }>();

type DependencyState = 'ok' | 'unavailable';

/** States of a login in which an account carries nothing for long: somebody has to do something. */
const NOT_LOGGED_IN = ['missing', 'unreadable', 'refused'] as const satisfies readonly LoginState[];

async function databaseState(env: Env, ctx: Background): Promise<DependencyState> {
  const timeout = new Promise<DependencyState>((resolve) =>
    setTimeout(() => resolve('unavailable'), HEALTH_DATABASE_MS_MAX),
  );
  const ping = pingDatabase(env, ctx).then(
    (): DependencyState => 'ok',
    (error): DependencyState => {
      console.warn(`health: database: ${error}`);
      return 'unavailable';
    },
  );
  return Promise.race([ping, timeout]);
}

function tickerOf(reported: ReportedStatus | undefined, nowMs: number) {
  if (!reported) return { running: false, active_subscriptions: 0 };
  const { status, receivedAtMs } = reported;
  const ageMs = nowMs - receivedAtMs;
  return {
    running: status.running && ageMs <= STATUS_AGE_MS_MAX,
    started_at: status.started_at / 1000,
    active_subscriptions: status.active_subscriptions,
    not_placed: status.not_placed,
    pinned: status.pinned,
    lease: status.lease,
    ...(status.orders ? { orders: status.orders } : {}),
    reported_age_ms: ageMs,
    accounts: status.accounts,
  };
}

async function examine(env: Env, ctx: Background) {
  const [reported, gateways, database] = await Promise.all([
    reportedStatus(env),
    gatherCounts(env),
    databaseState(env, ctx),
  ]);
  const ticker = tickerOf(reported, Date.now());
  const accounts = reported?.status.accounts ?? [];
  const isFed = ticker.running && accounts.some(({ state }) => state === 'ok');
  const isLoggedIn = accounts.every(
    ({ state, login }) => state === 'disabled' || !login || NOT_LOGGED_IN.every((bad) => bad !== login.state),
  );
  const registry = reported?.status.instruments;
  const isWhole =
    isFed && isLoggedIn && database === 'ok' && registry?.status === 'ok' && gateways.failed === 0;
  return {
    status: isWhole ? 'ok' : 'degraded',
    ticker,
    websocket: {
      status: gateways.failed === 0 ? 'ok' : 'degraded',
      active_connections: gateways.values.reduce((sum, { connections }) => sum + connections, 0),
      total_subscriptions: gateways.values.reduce((sum, { subscriptions }) => sum + subscriptions, 0),
    },
    dependencies: {
      database,
      redis: 'disabled',
      instrument_registry: {
        status: registry?.status ?? 'unavailable',
        cached_instruments: registry?.count ?? 0,
        trading_date: registry?.trading_date,
        source: registry?.source,
      },
    },
  };
}

/** Everybody may ask, and every answer takes a call of each gateway and a query: those who ask at once share one. */
const turns = new ReadingTurns(HEALTH_CACHE_MS, HEALTH_WAIT_MS_MAX);
let last: { readonly atMs: number; readonly document: Awaited<ReturnType<typeof examine>> } | undefined;

async function examineInTurn(env: Env, ctx: Background, turn: Turn): Promise<void> {
  try {
    last = { atMs: turn.startedAtMs, document: await examine(env, ctx) };
  } catch (error) {
    console.error(`health: ${error}`);
  } finally {
    turns.end(turn);
  }
}

health.get('/health', async (c) => {
  const turn = turns.begin(Date.now());
  if (turn) c.executionCtx.waitUntil(examineInTurn(c.env, c.executionCtx, turn));
  while (turns.isAwaited(Date.now())) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  // What was well before is not told of what does not answer now.
  if (!last || Math.abs(Date.now() - last.atMs) > HEALTH_CACHE_MS + HEALTH_WAIT_MS_MAX) {
    throw new AppError('gateway_unavailable', 'the parts of the edge do not answer');
  }
  return c.json(last.document);
});
