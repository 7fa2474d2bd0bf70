// Clients that subscribe and never read again, in a Python process: it can give them buffers that are full at once.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class StalledClients {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(endpoints: readonly string[]) {
    const urls = endpoints.map((endpoint) => new URL(endpoint));
    const program = fileURLToPath(new URL('stalled-clients.py', import.meta.url));
    const paths = urls.map(({ pathname, search }) => pathname + search);
    this.#child = spawn('python3', [program, urls[0]?.port ?? '', ...paths], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const output = this.#child.stdout;
    if (!output) throw new Error('the stalled clients have no output');
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  /** One client for each endpoint; all of one host. Needs python3. */
  static async open(endpoints: readonly string[]): Promise<StalledClients> {
    const clients = new StalledClients(endpoints);
    await clients.#expect('open');
    return clients;
  }

  /** Every client subscribes to these; from here on none reads. */
  async subscribe(tokens: readonly number[]): Promise<void> {
    this.#child.stdin?.write(`${JSON.stringify({ action: 'subscribe', tokens })}\n`);
    await this.#expect('stalled');
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end('close\n');
    await exit;
  }

  async #expect(line: string): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== line) throw new Error(`the stalled clients said ${JSON.stringify(value)}, not ${line}`);
  }
}
