import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseCommandLine } from '../../dev/command-line.ts';

test('defaults', () => {
  expect(parseCommandLine([], {})).toEqual({ dataDir: '.data', port: 8_787, simulator: true });
});

test('a flag comes before the environment', () => {
  const env = { PORT: '1', SIM_RATE: '2', SIM_INSTRUMENTS_COUNT: '300', DATABASE_URL: 'postgres://db' };
  expect(
    parseCommandLine(['--port', '9000', '--rate', '0.5', '--data-dir', '/tmp/x', '--seed', '7'], env),
  ).toEqual({
    dataDir: '/tmp/x',
    port: 9_000,
    simulator: true,
    rate: 0.5,
    instrumentsCount: 300,
    seed: 7,
    databaseUrl: 'postgres://db',
  });
  expect(parseCommandLine([], env)).toMatchObject({ port: 1, rate: 2 });
});

test('what is the simulator’s goes to it', () => {
  const args = [
    '--accounts',
    '3',
    '--instruments',
    'dump.csv.gz',
    '--daily-tokens',
    '--trading-date',
    '2026-11-24',
  ];
  const { simulatorArgs } = parseCommandLine([...args, '--clock', '2026-11-24T05:59:00+05:30'], {});
  expect(simulatorArgs).toEqual([
    ...['--accounts', '3', '--clock', '2026-11-24T05:59:00+05:30', '--trading-date', '2026-11-24'],
    ...['--instruments', resolve('dump.csv.gz'), '--daily-tokens'],
  ]);
});

test('live mode takes credentials of the environment, whole or not at all', () => {
  const env = { KITE_API_KEY: 'k', KITE_ACCESS_TOKEN: 't' };
  for (const given of [env, {}, { KITE_API_KEY: 'k' }])
    expect(parseCommandLine(['--no-simulator'], given)).toMatchObject({ simulator: false });
  expect(() => parseCommandLine(['--no-simulator'], { KITE_ACCESS_TOKEN: 't' })).toThrow(
    'needs its KITE_API_KEY',
  );
});

test.each([
  [['--port', 'x'], '--port: "x" is not a number'],
  [['--port', '65536'], '--port: 65536 is not a port'],
  [['--port', '80.5'], '--port: 80.5 is not a port'],
  [['--rate', '-1'], '--rate'],
  [['--colour'], '--colour'],
  [['extra'], 'extra'],
])('refuses %j', (args, reason) => {
  expect(() => parseCommandLine(args, {})).toThrow(reason);
});

test("flags of the simulator's orders reach it as they are", () => {
  const flags = ['--order-addresses', '127.0.0.1', '--postback-url', 'http://127.0.0.1:8787/kite/postback'];
  expect(parseCommandLine(flags, {}).simulatorArgs).toEqual(flags);
});
