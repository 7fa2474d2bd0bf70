// Loaded into every child before its own program: ends it when the runner is gone, even one that was killed outright.
import { PART_STOP_MS_MAX } from './limits.ts';

// The runner holds the other end of stdin for as long as it lives; the system closes it when the runner ends.
process.stdin.once('end', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), PART_STOP_MS_MAX).unref();
});
process.stdin.on('error', () => process.exit(1));
process.stdin.resume();
if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
