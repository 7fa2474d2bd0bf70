// Unusable rows come between the good ones, which all stay in their order; none of them is a row that a reader can use.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InstrumentCsvParser } from '../../../../ingest/instruments/csv.ts';
import { instrumentCsv } from '../../../../ingest/simulator/core/instrument-csv.ts';
import { listInstruments } from '../../../../ingest/simulator/core/instrument-list.ts';
import { malformRows } from '../../../../ingest/simulator/core/malformed-rows.ts';
import { RandomStream } from '../../../../ingest/simulator/core/random.ts';

const { instruments } = listInstruments({ tradingDate: '2026-11-23', instrumentsCount: 400 });
const csv = instrumentCsv(instruments);
const goodLines = csv.split('\r\n');

/** Whether the sidecar's reader takes the row, alone behind the header. */
function isUsable(row: string): boolean {
  let count = 0;
  const parser = new InstrumentCsvParser(() => {
    count += 1;
  });
  parser.push(Buffer.from(`${goodLines[0]}\r\n${row}\r\n`));
  parser.end();
  return count > 0;
}

test('every good row is still there, and every made one is useless, whatever the seed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 1, max: 60 }), (seed, rows) => {
      const lines = malformRows(csv, rows, new RandomStream(seed)).split('\r\n');
      const good = new Set(goodLines);
      expect(lines.filter((line) => good.has(line))).toEqual(goodLines);
      const made = lines.filter((line) => !good.has(line));
      expect(made).toHaveLength(rows);
      expect(made.filter(isUsable)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test('the same seed spoils the same rows; a list without rows stays as it is', () => {
  const spoilt = (seed: number) => malformRows(csv, 20, new RandomStream(seed));
  expect(spoilt(4)).toBe(spoilt(4));
  expect(spoilt(4)).not.toBe(spoilt(5));
  expect(malformRows(instrumentCsv([]), 20, new RandomStream(1))).toBe(instrumentCsv([]));
});
