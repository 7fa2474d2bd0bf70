// Token -> row as a hash table in one array: it is made in another thread, and found in faster than by bisection.

/** At least half of the places stay empty, so that a search ends after one or two. */
const PLACES_PER_TOKEN_MIN = 2;

/** Fibonacci hashing: tokens of one segment differ in their high bits only. */
function placeOf(token: number, places: number): number {
  return Math.imul(token, 0x9e37_79b1) >>> (Math.clz32(places) + 1);
}

/** The index of tokens that differ, by their position; an entry is a position plus one, or 0. */
export function indexTokens(tokens: Uint32Array): Uint32Array<SharedArrayBuffer> {
  let places = 2;
  while (places < tokens.length * PLACES_PER_TOKEN_MIN) places *= 2;
  const index = new Uint32Array(new SharedArrayBuffer(places * 4));
  for (const [row, token] of tokens.entries()) {
    let place = placeOf(token, places);
    while (index[place] !== 0) place = (place + 1) % places;
    index[place] = row + 1;
  }
  return index;
}

/** The token's position, or -1. */
export function findToken(index: Uint32Array, tokens: Uint32Array, token: number): number {
  const places = index.length;
  for (let place = placeOf(token, places); ; place = (place + 1) % places) {
    const row = (index[place] as number) - 1;
    if (row < 0 || tokens[row] === token) return row;
  }
}
