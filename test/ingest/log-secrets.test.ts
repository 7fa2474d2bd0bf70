import { expect, test } from 'vitest';
import { LogSecrets } from '../../ingest/log-secrets.ts';
import { LOG_SECRETS_MAX } from '../../shared/limits.ts';

test('configured ones stay, and of those learned since only the latest', () => {
  const secrets = new LogSecrets(['configured', undefined]);
  for (let i = 0; i < LOG_SECRETS_MAX; i++) secrets.learn(`token ${i}`);
  expect([...secrets]).toHaveLength(1 + LOG_SECRETS_MAX);
  // Learned again, it is as good as new.
  secrets.learn('token 0');
  secrets.learn('token of today');
  const kept = new Set(secrets);
  expect(kept.size).toBe(1 + LOG_SECRETS_MAX);
  expect([...kept]).toEqual(expect.arrayContaining(['configured', 'token 0', 'token of today']));
  expect(kept.has('token 1')).toBe(false);
});
