// Seeded randomness: hashes that need no state (the same question always gets the same answer) and one stream with state.

/** Mixes two 32-bit words into a uint32 (the finalizer of MurmurHash3 over both). */
export function mix(a: number, b: number): number {
  let h = (a ^ 0x2545_f491) >>> 0;
  h = Math.imul(h ^ (h >>> 16) ^ Math.imul(b + 0x7f4a_7c15, 0x9e37_79b1), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A uint32 as a number in [0, 1). */
export function unitOf(word: number): number {
  return word / 0x1_0000_0000;
}

/** A whole number with mean `mean` or somewhat below: most often small or 0, up to seven times the mean once in a while. */
export function manyOnceInAWhile(mean: number, hash: number): number {
  const unit = unitOf(hash);
  const cube = unit * unit * unit;
  return Math.floor(7 * mean * cube * cube);
}

/** A text as a uint32 (FNV-1a, then mixed: FNV alone leaves the high bits of like texts alike). */
export function hashText(text: string): number {
  let h = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return mix(h, text.length);
}

/** A pseudo-random stream (sfc32): equal seeds give equal streams on every machine. */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#a = mix(seed, 1);
    this.#b = mix(seed, 2);
    this.#c = mix(seed, 3);
    for (let i = 0; i < 12; i++) this.word();
  }

  /** The next uint32. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** The next number in [0, 1). */
  unit(): number {
    return unitOf(this.word());
  }

  /** The next standard normal number (Marsaglia's polar method, which makes two at a time). */
  gaussian(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const u = 2 * this.unit() - 1;
      const v = 2 * this.unit() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * scale;
      return u * scale;
    }
  }
}
