import { expect, it } from 'vitest';
import { RESULT_BITS, resultBits } from './seeded-chains.ts';

it('gives the bits in workerd that are pinned for every engine', () => {
  expect(resultBits()).toBe(RESULT_BITS);
});
