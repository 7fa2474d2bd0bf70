// Prometheus' text format.
import { expect, test } from 'vitest';
import { exposition } from '../../../worker/core/exposition.ts';

test('families of samples in the format that scrapers read', () => {
  expect(
    exposition([
      { name: 'ticker_up', type: 'gauge', help: 'Whether the edge answers.', samples: [{ value: 1 }] },
      { name: 'ticker_none', type: 'counter', help: 'Nothing of this yet.', samples: [] },
      {
        name: 'ticker_ticks_total',
        type: 'counter',
        help: 'Ticks by shard.',
        samples: [
          { labels: { shard: 0, state: 'ok' }, value: 12_345_678_901 },
          { labels: {}, value: 0.5 },
        ],
      },
    ]),
  ).toBe(`# HELP ticker_up Whether the edge answers.
# TYPE ticker_up gauge
ticker_up 1
# HELP ticker_ticks_total Ticks by shard.
# TYPE ticker_ticks_total counter
ticker_ticks_total{shard="0",state="ok"} 12345678901
ticker_ticks_total 0.5
`);
});

test('text in a label cannot end it: quotes, backslashes and line ends are escaped', () => {
  const labels = { account: 'a"} 1\nforged{x="\\' };
  const document = exposition([{ name: 'n', type: 'gauge', help: 'h', samples: [{ labels, value: 1 }] }]);
  expect(document.split('\n')).toHaveLength(4);
  expect(document).toContain('n{account="a\\"} 1\\nforged{x=\\"\\\\"} 1\n');
});
