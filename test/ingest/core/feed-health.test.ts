import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FeedHealth, type FeedVerdict, type SocketReading } from '../../../ingest/core/feed-health.ts';
import {
  FEED_DOWN_AFTER_MS,
  FEED_OBSERVE_MS,
  FEED_QUIET_AFTER_MS,
  FEED_RECYCLE_AFTER_MS,
  FEED_RECYCLE_PAUSE_MS_MAX,
  FEED_RECYCLE_PAUSE_MS_MIN,
  KITE_SILENCE_MS_MAX,
  STALE_AFTER_MS,
} from '../../../shared/limits.ts';
import {
  createSessionCalendar,
  extendCalendar,
  SEGMENT_NAMES,
  type SegmentName,
  type Sessions,
  sessionsAt,
} from '../../../shared/market-session.ts';
import { SESSION_CALENDAR } from '../../../shared/session-calendar.ts';
import { FEED_STATES, type SocketState } from '../../../shared/status.ts';

const looks = (ms: number) => ms / FEED_OBSERVE_MS;
const ist = (date: string, time: string) => Date.parse(`${date}T${time}+05:30`);

/** A socket as the test has it; ticks are counted up as they are said to come. */
class Socket {
  state: SocketState = 'open';
  lastFrameAgeMs: number | undefined = 100;
  readonly carried = new Map<SegmentName, { instruments: number; hasBenchmark: boolean; ticks: number }>();
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  carry(segment: SegmentName, instruments: number, hasBenchmark = false): this {
    const ticks = this.carried.get(segment)?.ticks ?? 0;
    this.carried.set(segment, { instruments, hasBenchmark, ticks });
    return this;
  }

  tick(segment: SegmentName): void {
    const carried = this.carried.get(segment);
    if (carried) carried.ticks++;
  }

  reading(): SocketReading {
    const segments = [...this.carried].map(([segment, carried]) => ({ segment, ...carried }));
    return { id: this.id, state: this.state, lastFrameAgeMs: this.lastFrameAgeMs, segments };
  }
}

function phases(open: readonly SegmentName[]): Sessions {
  const entries = SEGMENT_NAMES.map((name) => [name, open.includes(name) ? 'open' : 'closed']);
  return Object.fromEntries(entries) as Sessions;
}

class Feed {
  readonly health = new FeedHealth();
  readonly sockets: readonly Socket[];
  sessions = phases(SEGMENT_NAMES);
  mayRecycle = true;
  readonly recycled: string[] = [];
  readonly states: string[] = [];
  last: FeedVerdict | undefined;

  constructor(...sockets: Socket[]) {
    this.sockets = sockets;
  }

  /** Looks so often; before each, these segments tick on the sockets that are open. */
  run(count: number, ...ticking: SegmentName[]): string {
    for (let i = 0; i < count; i++) {
      for (const socket of this.sockets) {
        if (socket.state === 'open') for (const segment of ticking) socket.tick(segment);
      }
      this.look();
    }
    return this.said;
  }

  look(): void {
    const readings = this.sockets.map((socket) => socket.reading());
    this.last = this.health.observe(readings, this.sessions, this.mayRecycle);
    if (this.states.at(-1) !== this.last.state) this.states.push(this.last.state);
    if (this.last.recycle !== undefined) this.recycled.push(this.last.recycle);
  }

  get said(): string {
    return `${this.last?.state} ${this.last?.reason}`;
  }
}

const liveFeed = () => {
  const socket = new Socket('a/0').carry('NSE', 200);
  const feed = new Feed(socket);
  expect(feed.run(5, 'NSE')).toBe('live ticks');
  return { feed, socket };
};

test('before anything is open it is down, with nothing to carry it is quiet', () => {
  const socket = new Socket('a/0');
  const feed = new Feed(socket);
  socket.state = 'connecting';
  expect(feed.run(1)).toBe('down no_socket');
  socket.state = 'open';
  expect(feed.run(1)).toBe('quiet nothing_subscribed');
});

test('live as soon as ticks flow, stale ten seconds after the last, live again when they flow again', () => {
  const { feed } = liveFeed();
  feed.run(looks(STALE_AFTER_MS) - 1);
  expect(feed.said).toBe('live ticks');
  expect(feed.run(1)).toBe('stale no_ticks');
  expect(feed.last?.silentSegments).toEqual(['NSE']);
  // One tick is a cached packet perhaps.
  expect(feed.run(1, 'NSE')).toBe('stale no_ticks');
  expect(feed.run(2, 'NSE')).toBe('live ticks');
});

test('one mute segment makes the feed stale while another ticks', () => {
  const socket = new Socket('a/0').carry('NSE', 200).carry('NFO', 200);
  const feed = new Feed(socket);
  feed.run(5, 'NSE', 'NFO');
  feed.run(looks(STALE_AFTER_MS), 'NSE');
  expect(feed.said).toBe('stale no_ticks');
  expect(feed.last?.silentSegments).toEqual(['NFO']);
});

test('a mute segment out of session is as it should be', () => {
  const socket = new Socket('a/0').carry('NSE', 200).carry('MCX', 200, true);
  const feed = new Feed(socket);
  feed.sessions = phases(['MCX']);
  expect(feed.run(120, 'MCX')).toBe('live ticks');
});

test('an illiquid instrument that rests is quiet, never stale, and does not flap', () => {
  const socket = new Socket('a/0').carry('NFO', 3);
  const feed = new Feed(socket);
  feed.run(looks(FEED_QUIET_AFTER_MS));
  expect(feed.said).toBe('quiet few_ticks');
  for (let i = 0; i < 30; i++) {
    feed.run(1, 'NFO');
    feed.run(7);
  }
  expect(feed.states).toEqual(['down', 'quiet']);
  expect(feed.recycled).toEqual([]);
});

test('at the close the feed goes quiet without having been stale, and at the open it has ten seconds', () => {
  const { feed } = liveFeed();
  feed.sessions = phases([]);
  expect(feed.run(looks(FEED_QUIET_AFTER_MS) - 1)).toBe('live ticks');
  expect(feed.run(1)).toBe('quiet session_closed');
  feed.run(3_600);
  expect(feed.states).toEqual(['down', 'live', 'quiet']);
  feed.sessions = phases(['NSE']);
  expect(feed.run(looks(STALE_AFTER_MS) - 1)).toBe('quiet few_ticks');
  expect(feed.run(1)).toBe('stale no_ticks');
});

test('cached packets at night are not a live market, ticks of a session that nobody listed are', () => {
  const socket = new Socket('a/0').carry('NSE', 200);
  const feed = new Feed(socket);
  feed.sessions = phases([]);
  feed.run(2, 'NSE');
  expect(feed.run(20)).toBe('quiet session_closed');
  expect(feed.run(3, 'NSE')).toBe('live ticks');
});

test('a socket that is back at once was never down; longer, or without heartbeats, it was', () => {
  const { feed, socket } = liveFeed();
  socket.state = 'waiting';
  feed.run(looks(FEED_DOWN_AFTER_MS) - 1);
  socket.state = 'open';
  feed.run(5, 'NSE');
  expect(feed.states).toEqual(['down', 'live']);
  socket.state = 'waiting';
  expect(feed.run(looks(FEED_DOWN_AFTER_MS))).toBe('down no_socket');
  socket.state = 'open';
  expect(feed.run(3, 'NSE')).toBe('live ticks');
  socket.lastFrameAgeMs = KITE_SILENCE_MS_MAX;
  expect(feed.run(looks(FEED_DOWN_AFTER_MS))).toBe('down no_heartbeat');
  expect(feed.states).toEqual(['down', 'live', 'down', 'live', 'down']);
});

test('one of three sockets lost is live with a reason; the idle ones do not count', () => {
  const sockets = [0, 1, 2].map((index) => new Socket(`a/${index}`).carry('NFO', 3_000));
  const idle = new Socket('a/3');
  idle.state = 'idle';
  const feed = new Feed(...sockets, idle);
  feed.run(5, 'NFO');
  (sockets[1] as Socket).state = 'waiting';
  expect(feed.run(60, 'NFO')).toBe('live sockets_missing');
  expect(feed.last).toMatchObject({ socketsAlive: 2, socketsWanted: 3, silentSegments: [] });
});

test('a socket without instruments does not stand in for those with them', () => {
  const carrying = new Socket('a/1').carry('NSE', 200);
  const feed = new Feed(new Socket('a/0'), carrying);
  feed.run(5, 'NSE');
  carrying.state = 'waiting';
  expect(feed.run(2)).toBe('down no_socket');
});

test('a socket with heartbeats and without ticks is recycled once after 20 s, while the others keep the feed live', () => {
  const [mute, good] = [new Socket('a/0').carry('NFO', 3_000), new Socket('a/1').carry('NFO', 3_000)];
  const feed = new Feed(mute, good);
  feed.run(5, 'NFO');
  for (let i = 0; i < looks(FEED_RECYCLE_AFTER_MS) - 1; i++) {
    good.tick('NFO');
    feed.look();
  }
  expect(feed.said).toBe('live socket_stalled');
  expect(feed.recycled).toEqual([]);
  good.tick('NFO');
  feed.look();
  expect(feed.recycled).toEqual(['a/0']);
  expect(feed.states).toEqual(['down', 'live']);
});

test('recycling that does not help is tried one socket at a time, and ever more rarely', () => {
  const sockets = [0, 1, 2].map((index) => new Socket(`a/${index}`).carry('NFO', 3_000));
  const feed = new Feed(...sockets);
  const at: number[] = [];
  for (let look = 0; look < 4 * looks(FEED_RECYCLE_PAUSE_MS_MAX); look++) {
    feed.look();
    for (const socket of sockets) {
      socket.state = socket.id === feed.last?.recycle ? 'waiting' : 'open';
      // The new socket answers its subscriptions with cached packets.
      if (socket.state === 'waiting') socket.tick('NFO');
    }
    if (feed.last?.recycle !== undefined) at.push(look);
  }
  const pauses = at.slice(1).map((look, i) => look - (at[i] as number));
  const pauseLooks = looks(FEED_RECYCLE_PAUSE_MS_MIN);
  expect(pauses.slice(0, 5)).toEqual([1, 2, 4, 8, 15].map((factor) => factor * pauseLooks));
  expect(Math.max(...pauses)).toBe(looks(FEED_RECYCLE_PAUSE_MS_MAX));
  expect(feed.states).toEqual(['down', 'stale']);
  // Ticks that flow make the next stall a new one.
  feed.run(looks(FEED_RECYCLE_PAUSE_MS_MAX), 'NFO');
  feed.run(looks(FEED_RECYCLE_AFTER_MS) + looks(FEED_RECYCLE_PAUSE_MS_MIN));
  expect(feed.recycled.length).toBe(at.length + 2);
});

test('while the calendar is in doubt the feed is called stale, and no socket is recycled', () => {
  const { feed } = liveFeed();
  feed.mayRecycle = false;
  expect(feed.run(600)).toBe('stale no_ticks');
  expect(feed.recycled).toEqual([]);
});

test('what is no longer carried is forgotten', () => {
  const { feed, socket } = liveFeed();
  feed.run(looks(STALE_AFTER_MS));
  expect(feed.said).toBe('stale no_ticks');
  socket.carried.clear();
  expect(feed.run(1)).toBe('quiet nothing_subscribed');
  socket.carry('NSE', 200);
  expect(feed.run(5, 'NSE')).toBe('live ticks');
});

const extended = createSessionCalendar(
  extendCalendar(SESSION_CALENDAR, {
    specialDays: [
      {
        segments: ['NSE'],
        name: 'Muhurat',
        dates: ['2027-10-30'],
        phases: [
          ['18:15', 'open'],
          ['19:15', 'closed'],
        ],
      },
    ],
  }),
);

test.each([
  ['open session', '2026-11-20', '12:00:00', 'stale'],
  ['pre-open', '2026-11-20', '09:05:00', 'quiet'],
  ['closing auction', '2026-11-20', '15:20:00', 'quiet'],
  ['midnight', '2026-11-20', '23:59:30', 'quiet'],
  ['weekend', '2026-11-21', '12:00:00', 'quiet'],
  ['holiday', '2026-12-25', '12:00:00', 'quiet'],
  ['special session on a Saturday', '2027-10-30', '18:20:00', 'stale'],
  ['special day before its session', '2027-10-30', '12:00:00', 'quiet'],
])('silence for a minute in %s', (_what, date, time, state) => {
  const feed = new Feed(new Socket('a/0').carry('NSE', 500));
  const fromMs = ist(date, time);
  for (let look = 0; look < 60; look++) {
    feed.sessions = sessionsAt(extended, fromMs + look * FEED_OBSERVE_MS);
    feed.look();
  }
  expect(feed.last?.state).toBe(state);
});

test('a wall clock that jumps changes the session and never makes a ticking feed stale', () => {
  const feed = new Feed(new Socket('a/0').carry('NSE', 500));
  const moments = [
    ist('2026-11-20', '12:00:00'),
    ist('2026-11-21', '12:00:00'),
    ist('2026-11-20', '09:14:59'),
    0,
    ist('2026-11-20', '12:00:01'),
  ];
  for (const nowMs of moments) {
    feed.sessions = sessionsAt(extended, nowMs);
    feed.run(5, 'NSE');
  }
  expect(feed.states).toEqual(['down', 'live']);
});

test('whatever happens: the state fits what was seen, and lost sockets are never called live', () => {
  const step = fc.record({
    socket: fc.nat(2),
    state: fc.constantFrom<SocketState>(
      'idle',
      'connecting',
      'open',
      'open',
      'open',
      'waiting',
      'unauthorized',
    ),
    ageMs: fc.constantFrom(undefined, 0, KITE_SILENCE_MS_MAX - 1, KITE_SILENCE_MS_MAX),
    segment: fc.constantFrom(...SEGMENT_NAMES),
    instruments: fc.constantFrom(0, 1, 50, 3_000),
    isTicking: fc.boolean(),
    open: fc.subarray([...SEGMENT_NAMES]),
    count: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const sockets = [0, 1, 2].map((index) => new Socket(`a/${index}`));
      const feed = new Feed(...sockets);
      for (const { socket: index, state, ageMs, segment, instruments, isTicking, open, count } of steps) {
        const socket = sockets[index] as Socket;
        socket.state = state;
        socket.lastFrameAgeMs = ageMs;
        if (instruments > 0) socket.carry(segment, instruments);
        else socket.carried.delete(segment);
        feed.sessions = phases(open);
        const recycledBefore = feed.recycled.length;
        feed.run(count, ...(isTicking ? [segment] : []));
        const { last } = feed;
        if (!last) throw new Error('nothing was said');
        expect(FEED_STATES).toContain(last.state);
        expect(last.socketsAlive).toBeLessThanOrEqual(last.socketsWanted);
        if (count < looks(FEED_DOWN_AFTER_MS)) continue;
        if (last.socketsAlive === 0) expect(last.state).toBe('down');
        if (last.silentSegments.length > 0 && last.socketsAlive > 0) expect(last.state).toBe('stale');
        for (const silent of last.silentSegments) expect(open).toContain(silent);
        if (last.state === 'live') expect(last.socketsAlive).toBeGreaterThan(0);
        expect(feed.recycled.length - recycledBefore).toBeLessThanOrEqual(1);
      }
    }),
  );
});
