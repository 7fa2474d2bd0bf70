// An edge that checks signatures and answers as a test tells it to.
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Batch, decodeBatch } from '../../../shared/frame.ts';

export interface ReceivedPost {
  readonly path: string;
  readonly timeMs: number;
  readonly signature: string;
  readonly body: Buffer;
}

/** A status with a body, or `hang`: never answer; or `reset`: take the post and cut the connection. */
export type PostAnswer = readonly [httpStatus: number, body: unknown] | 'hang' | 'reset';

export class FakeEdge {
  readonly url: string;
  readonly posts: ReceivedPost[] = [];
  answer: (post: ReceivedPost) => PostAnswer = () => [200, {}];
  connections = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(secret: string): Promise<FakeEdge> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const edge = new FakeEdge(server);
    server.on('connection', () => edge.connections++);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('error', () => undefined);
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url ?? '';
        const time = String(request.headers['x-ingest-time']);
        const signature = String(request.headers['x-ingest-signature']);
        const body = Buffer.concat(chunks);
        const expected = createHmac('sha256', secret).update(`${time}\n${path}\n`).update(body).digest('hex');
        const post = { path, timeMs: Number(time), signature, body };
        edge.posts.push(post);
        const answer =
          signature === expected ? edge.answer(post) : ([401, { error: 'ingest_signature' }] as const);
        if (answer === 'hang') return;
        if (answer === 'reset') {
          request.socket.destroy();
          return;
        }
        response.writeHead(answer[0], { 'content-type': 'application/json' });
        response.end(typeof answer[1] === 'string' ? answer[1] : JSON.stringify(answer[1]));
      });
    });
    return edge;
  }

  get batches(): Batch[] {
    return this.posts
      .filter(({ path }) => path.startsWith('/ingest/batch/'))
      .map(({ body }) => decodeBatch(body));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
