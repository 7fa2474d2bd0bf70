// The web page: static files, with headers that keep it from loading or talking to anything else.
import { Hono } from 'hono';
import type { Env } from '../env.ts';

export const page = new Hono<{ Bindings: Env }>();

/** What the page has to know before it has a token. */
page.get('/page.json', (c) => c.json({ user_service: c.env.USER_SERVICE_URL }));

page.get('*', async (c, next) => {
  const asset = await c.env.ASSETS.fetch(c.req.raw);
  if (asset.status === 404) return next();
  const response = new Response(asset.body, asset);
  const userService = new URL(c.env.USER_SERVICE_URL).origin;
  response.headers.set(
    'content-security-policy',
    `default-src 'self'; connect-src 'self' ${userService}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'`,
  );
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('referrer-policy', 'no-referrer');
  return response;
});
