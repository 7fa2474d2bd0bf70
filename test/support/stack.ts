// The whole system for an e2e test: the same parts as `npm run dev`, on free ports and a throw-away folder.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, type StackOptions, startStack } from '../../dev/stack.ts';

/** Lines of all parts that are kept to be shown when something went wrong. */
const LOG_LINES_MAX = 400;

export interface TestStack extends Stack {
  readonly dataDir: string;
  /** The latest lines of all parts, for the message of a failing test. */
  logs(): string;
}

/** Starts the system with a small market; every option of the runner may be given. Stop it in afterAll. */
export async function startTestStack(options: Partial<StackOptions> = {}): Promise<TestStack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ticker-edge-stack-'));
  const lines: string[] = [];
  const print = (name: string, line: string) => {
    lines.push(`${name} | ${line}`);
    if (lines.length > LOG_LINES_MAX) lines.shift();
  };
  const remove = () => rmSync(dataDir, { recursive: true, force: true });
  const logs = () => lines.join('\n');
  let stack: Stack;
  try {
    stack = await startStack({ dataDir, durable: false, seed: 1, print, ...options });
  } catch (cause) {
    remove();
    throw new Error(`the system did not start:\n${logs()}`, { cause });
  }
  return {
    ...stack,
    // A getter is lost in a spread, and process ids change.
    get info() {
      return stack.info;
    },
    dataDir,
    logs,
    async stop() {
      await stack.stop();
      remove();
    },
  };
}
