// Credentials as they are stored: AES-256-GCM under one of several keys, each envelope bound to its row and column.

/** What is needed of WebCrypto. Node and workerd have it alike; passed in, as this folder compiles for no runtime. */
export interface Subtle<Key> {
  importKey(
    format: 'raw',
    bytes: Uint8Array<ArrayBuffer>,
    algorithm: 'AES-GCM',
    extractable: boolean,
    usages: ('encrypt' | 'decrypt')[],
  ): Promise<Key>;
  encrypt(parameters: GcmParameters, key: Key, data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  decrypt(parameters: GcmParameters, key: Key, data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
}

interface GcmParameters {
  readonly name: 'AES-GCM';
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
}

export interface VaultRuntime<Key> {
  readonly subtle: Subtle<Key>;
  /** Bytes that nobody can guess. */
  readonly randomBytes: (count: number) => Uint8Array<ArrayBuffer>;
}

/** Where an envelope is kept. It opens nowhere else, so that nobody can pass one account's off as another's. */
export interface EnvelopePlace {
  readonly accountId: string;
  readonly column: 'api_secret' | 'access_token';
}

export interface KeyRing {
  /** What is sealed from now on is sealed with it. */
  readonly currentKeyId: string;
  readonly keys: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** `malformed`: no envelope. `unknown_key`: its key is not on the ring. `refused`: altered, moved, or another key. */
export type EnvelopeFault = 'malformed' | 'unknown_key' | 'refused';

/** Says why an envelope stays shut. Names the place and the key's id, never what is inside. */
export class EnvelopeError extends Error {
  readonly fault: EnvelopeFault;

  constructor(fault: EnvelopeFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'EnvelopeError';
    this.fault = fault;
  }
}

const VERSION = 'v1';
const KEY_BYTES = 32;
/** 96 bits, the size that GCM is made for; random ones are safe for 2^32 envelopes per key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ENTRY = /^([A-Za-z0-9_-]{1,32}):([0-9a-fA-F]{64})$/;
const ENVELOPE = /^v1\.([A-Za-z0-9_-]{1,32})\.([0-9a-f]{24})\.((?:[0-9a-f]{2})+)$/;

function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

/** A copy: only that is an array of its own in every runtime's types. */
function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Reads `id:<64 hex digits>,id:...`: the first key seals, all of them open. Throws an Error that says which entry is
 * wrong, without repeating it: it is a key.
 */
export function parseKeyRing(text: string): KeyRing {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [index, entry] of text.split(',').entries()) {
    const [, id, hex] = KEY_ENTRY.exec(entry.trim()) ?? [];
    if (id === undefined || hex === undefined) {
      throw new Error(`key ${index + 1} is not id:<${KEY_BYTES * 2} hex digits>`);
    }
    if (keys.has(id)) throw new Error(`key ${index + 1}: the id ${id} occurs twice`);
    keys.set(id, bytesOfHex(hex));
  }
  // A text splits into at least one entry, and each has become a key or thrown.
  const [currentKeyId = ''] = keys.keys();
  return { currentKeyId, keys };
}

/** Id of the key that the envelope was sealed with; undefined when it is no envelope. */
export function keyIdOf(envelope: string): string | undefined {
  return ENVELOPE.exec(envelope)?.[1];
}

/** Seals and opens `v1.<key id>.<nonce>.<ciphertext and tag>`, nonce and ciphertext in hex. */
export class CredentialVault<Key> {
  readonly currentKeyId: string;
  readonly #ring: KeyRing;
  readonly #runtime: VaultRuntime<Key>;
  readonly #imported = new Map<string, Promise<Key>>();

  constructor(ring: KeyRing, runtime: VaultRuntime<Key>) {
    this.currentKeyId = ring.currentKeyId;
    this.#ring = ring;
    this.#runtime = runtime;
  }

  async seal(plaintext: string, place: EnvelopePlace): Promise<string> {
    const keyId = this.currentKeyId;
    const nonce = this.#runtime.randomBytes(NONCE_BYTES);
    const parameters = gcmParameters(nonce, keyId, place);
    const key = await this.#key(keyId, place);
    const sealed = await this.#runtime.subtle.encrypt(parameters, key, bytesOfText(plaintext));
    return `${VERSION}.${keyId}.${hexOf(nonce)}.${hexOf(new Uint8Array(sealed))}`;
  }

  /** What was sealed. Throws EnvelopeError. */
  async open(envelope: string, place: EnvelopePlace): Promise<string> {
    const [, keyId, nonce, sealed] = ENVELOPE.exec(envelope) ?? [];
    if (keyId === undefined || nonce === undefined || sealed === undefined || sealed.length < 2 * TAG_BYTES) {
      throw new EnvelopeError('malformed', `${textOf(place)} is not an envelope`);
    }
    const key = await this.#key(keyId, place);
    try {
      const parameters = gcmParameters(bytesOfHex(nonce), keyId, place);
      const bytes = await this.#runtime.subtle.decrypt(parameters, key, bytesOfHex(sealed));
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new EnvelopeError(
        'refused',
        `${textOf(place)} does not open with key ${keyId}: it was altered, moved here, or sealed with another key of that id`,
        { cause },
      );
    }
  }

  #key(keyId: string, place: EnvelopePlace): Promise<Key> {
    const known = this.#imported.get(keyId);
    if (known) return known;
    const bytes = this.#ring.keys.get(keyId);
    if (!bytes) {
      throw new EnvelopeError(
        'unknown_key',
        `${textOf(place)} was sealed with key ${keyId}, which is not here`,
      );
    }
    const imported = this.#runtime.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
    this.#imported.set(keyId, imported);
    return imported;
  }
}

function textOf({ accountId, column }: EnvelopePlace): string {
  return `${column} of account ${accountId}`;
}

function gcmParameters(iv: Uint8Array<ArrayBuffer>, keyId: string, place: EnvelopePlace): GcmParameters {
  // None of the parts can hold the separator: what is bound can be read in one way only.
  const bound = [VERSION, keyId, 'accounts', place.accountId, place.column].join('|');
  return { name: 'AES-GCM', iv, additionalData: bytesOfText(bound) };
}
