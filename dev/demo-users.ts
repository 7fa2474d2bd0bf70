// The users that the local user service knows. Development only: the passwords are public.
import type { User } from './token-issuer.ts';

export interface DemoUser extends User {
  readonly password: string;
}

/** Every permission that the edge asks for anywhere. */
export const ALL_PERMISSIONS = [
  'market:read',
  'subscriptions:read',
  'subscriptions:write',
  'orders:read',
  'orders:write',
  'orders:halt',
  'accounts:read',
  'accounts:write',
  'keys:write',
  'stats:read',
] as const;

export const TRADER: DemoUser = {
  userId: 'user_demo_trader',
  email: 'trader@example.com',
  password: 'trader-demo',
  name: 'Demo Trader',
  roles: ['admin', 'trader'],
  permissions: ALL_PERMISSIONS,
};

export const VIEWER: DemoUser = {
  userId: 'user_demo_viewer',
  email: 'viewer@example.com',
  password: 'viewer-demo',
  name: 'Demo Viewer',
  roles: ['viewer'],
  permissions: ['market:read'],
};

export const DEMO_USERS: readonly DemoUser[] = [TRADER, VIEWER];
