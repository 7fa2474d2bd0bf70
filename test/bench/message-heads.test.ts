import { describe, expect, it } from 'vitest';
import { HEAD_BYTES_MAX, MessageHeads, OPCODE, textFrame } from './message-heads.ts';

interface Seen {
  readonly opcode: number;
  readonly bytes: number;
  readonly head: string;
}

/** A server's frame: not masked. */
function frame(opcode: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(10);
  header[0] = 0x80 | opcode;
  let bytes = 2;
  if (payload.length < 126) header[1] = payload.length;
  else if (payload.length < 65_536) {
    header[1] = 126;
    bytes = header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = 127;
    bytes = header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header.subarray(0, bytes), payload]);
}

/** What is found when the stream comes in chunks of this size. */
function read(stream: Buffer, chunkBytes: number): Seen[] {
  const message = new MessageHeads();
  const seen: Seen[] = [];
  for (let at = 0; at < stream.length; at += chunkBytes) {
    message.push(stream, at, Math.min(stream.length, at + chunkBytes), () => {
      seen.push({ opcode: message.opcode, bytes: message.payloadBytes, head: message.headText() });
    });
  }
  return seen;
}

const LENGTHS = [0, 1, 31, 32, 33, 125, 126, 127, 255, 256, 65_535, 65_536, 70_000];
const payloads = LENGTHS.map((length, i) => Buffer.alloc(length, 0x41 + i));
const stream = Buffer.concat([
  ...payloads.map((payload, i) => frame(i % 2 === 0 ? OPCODE.text : OPCODE.binary, payload)),
  frame(OPCODE.ping, Buffer.alloc(0)),
]);
const expected: Seen[] = [
  ...payloads.map((payload, i) => ({
    opcode: i % 2 === 0 ? OPCODE.text : OPCODE.binary,
    bytes: payload.length,
    head: payload.toString('latin1', 0, HEAD_BYTES_MAX),
  })),
  { opcode: OPCODE.ping, bytes: 0, head: '' },
];

describe('MessageHeads', () => {
  it.each([1, 2, 3, 7, 125, 4_096, 65_536, stream.length])(
    'finds messages of all lengths in chunks of %i bytes',
    (chunkBytes) => {
      expect(read(stream, chunkBytes)).toEqual(expected);
    },
  );

  it('finds an empty message at the end of a chunk at once', () => {
    expect(read(frame(OPCODE.text, Buffer.alloc(0)), 2)).toEqual([
      { opcode: OPCODE.text, bytes: 0, head: '' },
    ]);
  });

  it('reads the part of a chunk that it is given', () => {
    const message = new MessageHeads();
    let count = 0;
    const bytes = Buffer.concat([
      Buffer.from('HTTP'),
      frame(OPCODE.text, Buffer.from('x')),
      Buffer.from('junk'),
    ]);
    message.push(bytes, 4, 7, () => count++);
    expect([count, message.headText()]).toEqual([1, 'x']);
  });

  it.each([
    ['masked', [0x81, 0x80]],
    ['not final', [0x01, 0x01]],
    ['continued', [0x80, 0x01]],
    ['compressed', [0xc1, 0x01]],
  ])('refuses a frame that is %s', (_, bytes) => {
    expect(() => read(Buffer.from(bytes), 2)).toThrow('is not read here');
  });
});

describe('textFrame', () => {
  it.each([0, 125, 126, 65_535, 65_536])('masks %i bytes with zeros', (length) => {
    const text = 'x'.repeat(length);
    const bytes = textFrame(text);
    const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect([bytes[0], (bytes[1] as number) >> 7]).toEqual([0x81, 1]);
    expect(bytes.length).toBe(headerBytes + 4 + length);
    expect(bytes.readUInt32BE(headerBytes)).toBe(0);
    expect(bytes.toString('latin1', headerBytes + 4)).toBe(text);
  });
});
