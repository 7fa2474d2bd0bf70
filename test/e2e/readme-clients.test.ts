// The programs of the README, run as they stand there against the whole system.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildClient } from '../../dev/build-client.ts';
import { launchBrowser, openPage } from '../support/browser.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const PYTHON_PATH = '/usr/bin/python3';
const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** The code block after the marker of that name. */
function example(name: string): string {
  const match = new RegExp(`<!-- example: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(README);
  if (!match?.[1]) throw new Error(`README.md has no example called ${name}`);
  return match[1];
}

let stack: TestStack;
let folder: string;
let running: ChildProcess | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ticker-edge-readme-'));
  stack = await startTestStack({ instrumentsCount: 2_000 });
});
afterEach(() => {
  running?.kill('SIGKILL');
  running = undefined;
});
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program until its output has matched; fails with the output when it ends before that. */
async function outputOf(command: string, file: string, pattern: RegExp, url = stack.info.ws): Promise<void> {
  const child = spawn(command, [join(folder, file), url, stack.info.token]);
  running = child;
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString('utf8');
      if (pattern.test(output)) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${file} ended with ${code}:\n${output}\n${stack.logs()}`)));
  });
}

const BOTH_SYMBOLS =
  /NIFTY 50 \d+(\.\d+)?\n[\s\S]*RELIANCE \d+(\.\d+)?\n|RELIANCE \d+(\.\d+)?\n[\s\S]*NIFTY 50 \d+(\.\d+)?\n/;

test('TypeScript', async () => {
  writeFileSync(join(folder, 'client.ts'), example('typescript'));
  await outputOf(process.execPath, 'client.ts', BOTH_SYMBOLS);
});

describe('SDK', () => {
  let built: string;
  beforeAll(async () => {
    const module = join(folder, 'node_modules/ticker-edge');
    built = join(module, 'dist/client');
    await buildClient(built);
    copyFileSync(join(import.meta.dirname, '../../package.json'), join(module, 'package.json'));
  });

  test('ticks', async () => {
    writeFileSync(join(folder, 'sdk.ts'), example('sdk'));
    await outputOf(process.execPath, 'sdk.ts', BOTH_SYMBOLS);
  });

  test('bars', async () => {
    writeFileSync(join(folder, 'sdk-bars.ts'), example('sdk-bars'));
    const closed = /^RELIANCE \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z \d+(\.\d+)?$/m;
    await outputOf(process.execPath, 'sdk-bars.ts', closed);
  });

  test('a chain', async () => {
    writeFileSync(join(folder, 'sdk-chain.ts'), example('sdk-chain'));
    const both = /^NIFTY\w+ \d+(\.\d+)? \d+(\.\d+)? -?\d[\s\S]*^forward \d+(\.\d+)? IV \d+(\.\d+)? PCR \d/m;
    await outputOf(process.execPath, 'sdk-chain.ts', both);
  });

  test('in a page', async () => {
    await withPage(example('sdk-browser'), built, async (page) => {
      await page.getByText(/^NSE:NIFTY 50 \d+(\.\d+)? live$/).waitFor();
      await page.getByText(/^NSE:RELIANCE \d+(\.\d+)? live$/).waitFor();
    });
  });
});

test('KiteTicker', async () => {
  const module = 'node_modules/kiteconnect';
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(join(import.meta.dirname, '../..', module), join(folder, module));
  writeFileSync(join(folder, 'kite.mjs'), example('kite'));
  const both = /^256265 \d+(\.\d+)?\n[\s\S]*^738561 \d|^738561 \d+(\.\d+)?\n[\s\S]*^256265 \d/m;
  await outputOf(process.execPath, 'kite.mjs', both, stack.info.kiteWs);
});

test('Python', async () => {
  if (!existsSync(PYTHON_PATH)) throw new Error('this test needs: apt-get install -y python3-websockets');
  writeFileSync(join(folder, 'client.py'), example('python'));
  await outputOf(PYTHON_PATH, 'client.py', BOTH_SYMBOLS);
});

/** Serves the page, and the built SDK beside it, and opens it with address and token in its hash. */
async function withPage(html: string, sdk: string, use: (page: Page) => Promise<void>): Promise<void> {
  const server: Server = createServer(({ url }, response) => {
    if (url !== '/ticker-edge/index.js') return response.end(html);
    response.setHeader('content-type', 'text/javascript');
    return response.end(readFileSync(join(sdk, 'index.js')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchBrowser();
  try {
    const { page, problems } = await openPage(browser);
    const { port } = server.address() as AddressInfo;
    const hash = new URLSearchParams({ url: stack.info.ws, token: stack.info.token });
    await page.goto(`http://127.0.0.1:${port}/#${hash}`);
    await use(page);
    expect(await page.locator('li').count()).toBe(2);
    expect(problems.filter((problem) => !problem.includes('favicon'))).toEqual([]);
  } finally {
    await browser.close();
    server.close();
  }
}

test('browser', async () => {
  await withPage(example('browser'), folder, async (page) => {
    await page.getByText(/^NIFTY 50 \d/).waitFor();
    await page.getByText(/^RELIANCE \d/).waitFor();
  });
});
