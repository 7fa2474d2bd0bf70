// An envelope that was sealed once: what is stored must open in every runtime, and after every change of the code.
import type { EnvelopePlace } from '../../shared/credential-vault.ts';

export const GOLDEN_RING = 'golden:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
export const GOLDEN_PLACE: EnvelopePlace = { accountId: 'main', column: 'api_secret' };
export const GOLDEN_SECRET = 'q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6';
export const GOLDEN_ENVELOPE =
  'v1.golden.a0a1a2a3a4a5a6a7a8a9aaab.97290b1f20f8708b1650fee5724da9e61f952920f386315ef83d40b2189e1d372fd78703e7301ea861503d79c8013b29';
