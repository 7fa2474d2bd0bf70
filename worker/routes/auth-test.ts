// GET /auth/test: tells a client whether its token is good, and what it says.
import { Hono } from 'hono';
import { requirePrincipal } from '../auth/middleware.ts';
import type { Env } from '../env.ts';

export const authTest = new Hono<{ Bindings: Env }>();

authTest.get('/auth/test', async (c) => {
  const { userId, email, name, roles, permissions, expiresAtS } = await requirePrincipal(c);
  const expiresAt = new Date(expiresAtS * 1000).toISOString();
  return c.json({
    status: 'ok',
    authenticated: true,
    user: { user_id: userId, email, name, roles, permissions },
    expires_at: expiresAt,
  });
});
