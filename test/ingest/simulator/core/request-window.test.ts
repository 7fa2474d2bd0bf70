// Rate limits: so many per class, caller and second.
import { expect, test } from 'vitest';
import { RequestWindow } from '../../../../ingest/simulator/core/request-window.ts';

test('1 quote, 3 historical and 10 other requests a second, each class for itself', () => {
  const window = new RequestWindow();
  const admitted = (requestClass: 'quote' | 'historical' | 'other', nowMs: number) => {
    let count = 0;
    for (let i = 0; i < 15; i++) if (window.admit('key', requestClass, nowMs)) count += 1;
    return count;
  };
  expect([admitted('quote', 5_000), admitted('historical', 5_000), admitted('other', 5_000)]).toEqual([
    1, 3, 10,
  ]);
  expect([admitted('quote', 5_999), admitted('historical', 5_999), admitted('other', 5_999)]).toEqual([
    0, 0, 0,
  ]);
  expect([admitted('quote', 6_000), admitted('historical', 6_000), admitted('other', 6_000)]).toEqual([
    1, 3, 10,
  ]);
});

test('one caller does not spend another’s allowance', () => {
  const window = new RequestWindow();
  expect(window.admit('one', 'quote', 0)).toBe(true);
  expect(window.admit('two', 'quote', 0)).toBe(true);
  expect(window.admit('one', 'quote', 0)).toBe(false);
});
