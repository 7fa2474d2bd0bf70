// The whole check of a token: what it says of itself, and whether its user has been revoked since it was issued.
import { LOOK_AGAIN_MS, REVOCATION_CACHE_MS, REVOCATION_WAIT_MS_MAX } from '../../shared/limits.ts';
import { ReadingTurns } from '../core/reading-turns.ts';
import { type Revocation, Revocations } from '../core/revocations.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { readRevocations } from '../store/token-revocations.ts';
import { type Verdict, verifyToken } from './jwt.ts';

/** What outlives the answer. */
export type Background = Pick<ExecutionContext, 'waitUntil'>;

/** Clocks of Worker and database differ by less, and no revocation becomes visible so much after later ones. */
const OVERLAP_S = 60;

/** The revocations that this isolate knows of. */
const revocations = new Revocations();
const turns = new ReadingTurns(REVOCATION_CACHE_MS, REVOCATION_WAIT_MS_MAX);
let readUpToS = 0;

/** Takes over a revocation that was made here, ahead of the next reading. */
export function noteRevocation(revocation: Revocation): void {
  const forgotten = revocations.add(revocation);
  if (forgotten > 0) console.error('more users are revoked than fit the memory: the earliest may pass again');
}

async function readLatest(env: Env, background: Background, nowMs: number): Promise<void> {
  // One that is dated ahead, by a clock that was wrong, must not hide those that come before its time.
  const sinceS = Math.min(readUpToS, nowMs / 1000) - OVERLAP_S;
  try {
    const latest = await withDatabase(env, background, (sql) => readRevocations(sql, sinceS));
    for (const revocation of latest) {
      noteRevocation(revocation);
      readUpToS = Math.max(readUpToS, revocation.notBeforeS);
    }
  } catch (error) {
    console.error(`revocations are not read, those known stay in force: ${error}`);
  }
}

/** Reads what is new if that was not done for a while. Callers at the same time wait for one reading, not for long. */
async function refreshRevocations(env: Env, background: Background): Promise<void> {
  const turn = turns.begin(Date.now());
  // The others wait for it too: it has to go on if this request is given up.
  if (turn)
    background.waitUntil(readLatest(env, background, turn.startedAtMs).finally(() => turns.end(turn)));
  while (turns.isAwaited(Date.now())) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
}

/**
 * The bearer of the token, or why it is refused. Never throws.
 *
 * While the database is away, users who were revoked before this isolate last read stay out, and one revoked since gets
 * in: every other user's prices must not depend on the database, a token lives for an hour, and a revocation that could
 * not be stored has not been confirmed to whoever asked for it. Each failed reading is logged.
 */
export async function authenticate(
  token: string | undefined,
  env: Env,
  background: Background,
): Promise<Verdict> {
  const verdict = await verifyToken(token, env);
  if (!verdict.ok) return verdict;
  await refreshRevocations(env, background);
  const { userId, issuedAtS } = verdict.principal;
  if (!revocations.isRevoked(userId, issuedAtS)) return verdict;
  return { ok: false, code: 'token_revoked', message: 'Token revoked' };
}
