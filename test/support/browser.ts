// A real browser for page tests: Debian's chromium, and what a page complained about while a test used it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM_PATH = '/usr/bin/chromium';
const PROBE_PATH = join(import.meta.dirname, 'page-probe.js');

export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM_PATH)) {
    throw new Error(`this test needs ${CHROMIUM_PATH}: apt-get install -y chromium`);
  }
  return chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors of scripts, of the console and of the content policy so far; refused connections are not among them. */
  readonly problems: string[];
  close(): Promise<void>;
}

/** What the browser itself prints when a server is gone or says 401: part of the tests that make it so. */
const NETWORK_NOISE =
  /^(WebSocket connection to|Failed to load resource: (net::|the server responded with a status of 401))/;

/** A page in a context of its own: no storage is shared between two of them. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
  const page = await context.newPage();
  await page.addInitScript({ path: PROBE_PATH });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    const isProblem = message.type() === 'error' || message.type() === 'warning';
    if (isProblem && !NETWORK_NOISE.test(message.text())) problems.push(message.text());
  });
  return { page, problems, close: () => context.close() };
}
