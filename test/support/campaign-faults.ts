// The faults of a campaign: what is drawn of each, how it begins, and what has to be done so that it is over.
import type { CommandInput } from '../../ingest/simulator/control/command.ts';
import type { FaultInput } from '../../ingest/simulator/control/fault.ts';
import { FRAME_CORRUPTIONS } from '../../ingest/simulator/core/frame-corruption.ts';
import type { SeededRandom } from '../ingest/support/seeded-random.ts';

/** What a fault may do to the system. */
export interface FaultRig {
  readonly apiKeys: readonly string[];
  addFault(fault: FaultInput): number;
  removeFault(id: number): void;
  run(command: CommandInput): void;
  /** Somebody logs in to the account, and its new token reaches the system. */
  logIn(apiKey: string): Promise<void>;
  setEnabled(apiKey: string, isEnabled: boolean): Promise<void>;
  killSidecar(): void;
  /** The list of today takes the place of that of last week, and a new sidecar has read it. */
  openDay(): Promise<void>;
  stopDatabase(): Promise<void>;
  startDatabase(): Promise<void>;
}

export interface CampaignFault {
  readonly name: string;
  /** Of two at once the lower begins first and ends last: REST needs the database. */
  readonly order: number;
  /** False where no other one may stand beside it. */
  readonly isCombinable: boolean;
  begin(rig: FaultRig): Promise<void> | void;
  end(rig: FaultRig): Promise<void> | void;
}

type Draw = (random: SeededRandom, rig: FaultRig) => CampaignFault;

const ORDER = { account: 0, simulator: 1, sidecar: 2, database: 3 } as const;
const CLOSE_CODES = [1000, 1001, 1006, 1011, 4000] as const;

function between(random: SeededRandom, min: number, max: number): number {
  return min + random.below(max - min + 1);
}

/** One account, two of them, or all. */
function drawAccounts(random: SeededRandom, { apiKeys }: FaultRig): readonly string[] {
  const first = random.below(apiKeys.length);
  const count = random.pick([1, 1, 1, 2, 3]);
  return Array.from({ length: count }, (_, i) => apiKeys[(first + i) % apiKeys.length] ?? '');
}

interface Standing {
  readonly name: string;
  readonly faults: readonly FaultInput[];
  /** What makes the system run into it, once it stands. */
  readonly provoke?: (rig: FaultRig) => Promise<void> | void;
  readonly repair?: (rig: FaultRig) => Promise<void>;
  readonly isCombinable?: boolean;
}

/** A fault that stands in the simulator from its beginning to its end. */
function standing({ name, faults, provoke, repair, isCombinable = true }: Standing): CampaignFault {
  const ids: number[] = [];
  return {
    name,
    order: ORDER.simulator,
    isCombinable,
    async begin(rig) {
      ids.push(...faults.map((fault) => rig.addFault(fault)));
      await provoke?.(rig);
    },
    async end(rig) {
      for (const id of ids) rig.removeFault(id);
      await repair?.(rig);
    },
  };
}

/** A fault of the open sockets of some accounts. */
function ofStream(make: (random: SeededRandom) => FaultInput): Draw {
  return (random, rig) => {
    const accounts = drawAccounts(random, rig);
    const fault = make(random);
    const faults = accounts.map((account) => ({ ...fault, account }));
    return standing({ name: `${JSON.stringify(fault)} at ${accounts.join(' ')}`, faults });
  };
}

/** A fault that a socket meets when it opens again: those that are open are cut. */
function ofUpgrade(make: (random: SeededRandom) => FaultInput & { readonly status?: number }): Draw {
  return (random, rig) => {
    const accounts = drawAccounts(random, rig);
    const fault = make(random);
    return standing({
      name: `cut, then ${JSON.stringify(fault)} at ${accounts.join(' ')}`,
      faults: accounts.map((account) => ({ ...fault, account })),
      provoke: ({ run }) => {
        for (const account of accounts) run({ command: 'close_sockets', account, code: 1006 });
      },
      // Who was refused with 403 waits for a login.
      repair: async ({ logIn }) => {
        if (fault.status === 403) for (const account of accounts) await logIn(account);
      },
    });
  };
}

/** A fault of REST, and somebody who asks: the next sidecar for its list, or a new login for its profile. */
function ofRest(
  make: (random: SeededRandom) => FaultInput,
  paths: readonly ('/instruments' | '/user')[],
): Draw {
  return (random, rig) => {
    const path = random.pick(paths);
    const account = random.pick(rig.apiKeys);
    const fault = make(random);
    return standing({
      name: `${JSON.stringify(fault)} at ${path}`,
      faults: [{ ...fault, path } as FaultInput],
      provoke: ({ killSidecar, logIn }) => (path === '/instruments' ? killSidecar() : logIn(account)),
    });
  };
}

const ANY_PATH = ['/instruments', '/user'] as const;

/** A token dies and the sockets with it, because it ends or because of a login elsewhere. */
const loseLogin: Draw = (random, rig) => {
  const accounts = drawAccounts(random, rig);
  const command = random.pick(['expire_token', 'log_in'] as const);
  return {
    name: `${command} and cut at ${accounts.join(' ')}`,
    order: ORDER.account,
    isCombinable: true,
    begin({ run }) {
      for (const account of accounts) {
        run({ command, account });
        run({ command: 'close_sockets', account, code: 1006 });
      }
    },
    async end({ logIn }) {
      for (const account of accounts) await logIn(account);
    },
  };
};

const closeSockets: Draw = (random, rig) => {
  const accounts = drawAccounts(random, rig);
  const code = random.pick(CLOSE_CODES);
  return {
    name: `sockets closed with ${code} at ${accounts.join(' ')}`,
    order: ORDER.simulator,
    isCombinable: true,
    begin({ run }) {
      for (const account of accounts) run({ command: 'close_sockets', account, code });
    },
    end: () => undefined,
  };
};

const disableAccounts: Draw = (random, rig) => {
  const accounts = drawAccounts(random, rig).slice(0, 2);
  return {
    name: `disabled ${accounts.join(' ')}`,
    order: ORDER.account,
    isCombinable: true,
    async begin({ setEnabled }) {
      for (const account of accounts) await setEnabled(account, false);
    },
    async end({ setEnabled }) {
      for (const account of accounts) await setEnabled(account, true);
    },
  };
};

const jumpClock: Draw = (random) => {
  const byMs = random.pick([-3_600_000, -30_000, -2_000, 3_000, 30_000, 3_600_000, 30 * 3_600_000]);
  return {
    name: `exchange clock moved by ${byMs} ms`,
    order: ORDER.simulator,
    // A sidecar that is started meanwhile takes no tick before the clock is where the last one had left it.
    isCombinable: false,
    begin: ({ run }) => run({ command: 'advance_clock', by_ms: byMs }),
    async end({ apiKeys, run, logIn }) {
      run({ command: 'advance_clock', by_ms: -byMs });
      // The tokens of the day before are dead, if there was a 06:00 in between.
      for (const account of apiKeys) await logIn(account);
    },
  };
};

const sendTexts: Draw = (random) => {
  const text = random.pick([
    '',
    '{',
    '{"type":"error","data":"Too many requests"}',
    '{"type":"error"}',
    'x'.repeat(9_000),
  ]);
  return {
    name: `text ${JSON.stringify(text.slice(0, 50))}`,
    order: ORDER.simulator,
    isCombinable: true,
    begin: ({ run }) => run({ command: 'send_text', text }),
    end: () => undefined,
  };
};

const killSidecar: Draw = () => ({
  name: 'sidecar killed',
  order: ORDER.sidecar,
  isCombinable: true,
  begin: (rig) => rig.killSidecar(),
  end: () => undefined,
});

const stopDatabase: Draw = () => ({
  name: 'database away',
  order: ORDER.database,
  isCombinable: true,
  begin: (rig) => rig.stopDatabase(),
  end: (rig) => rig.startDatabase(),
});

const openDay: Draw = () => ({
  name: 'new day, sidecar started anew',
  order: ORDER.sidecar,
  // Clients want instruments of the new day from then on, and are refused while the list is not to be had.
  isCombinable: false,
  begin: (rig) => rig.openDay(),
  end: () => undefined,
});

const STATUSES = [429, 500, 502, 503] as const;

const DRAWS: readonly Draw[] = [
  ofStream(() => ({ kind: 'stall', heartbeats: false })),
  ofStream(() => ({ kind: 'stall', heartbeats: true })),
  ofStream(() => ({ kind: 'quiet' })),
  ofStream(() => ({ kind: 'freeze' })),
  ofStream((random) => ({ kind: 'drip', bytes_per_s: between(random, 100, 20_000) })),
  ofStream((random) => {
    const how = FRAME_CORRUPTIONS.filter(() => random.chance(3));
    const probability = random.pick([0.1, 0.5, 1]);
    return { kind: 'corrupt', how: how.length > 0 ? how : [...FRAME_CORRUPTIONS], probability };
  }),
  ofUpgrade(() => ({ kind: 'refuse_upgrade', status: 403 })),
  ofUpgrade((random) => ({ kind: 'refuse_upgrade', status: random.pick(STATUSES) })),
  ofUpgrade(() => ({ kind: 'hang_upgrade' })),
  ofUpgrade((random) => ({ kind: 'linger', ms: between(random, 500, 6_000) })),
  ofRest((random) => ({ kind: 'rest_status', status: random.pick(STATUSES) }), ANY_PATH),
  ofRest((random) => ({ kind: 'rest_html', status: random.pick([200, ...STATUSES]) }), ANY_PATH),
  ofRest((random) => ({ kind: random.pick(['rest_cut', 'rest_half']), fraction: 0.4 }), ['/instruments']),
  ofRest((random) => ({ kind: 'malformed_rows', rows: random.pick([3, 300]) }), ['/instruments']),
  ofRest(() => ({ kind: 'rest_reset' }), ANY_PATH),
  ofRest(() => ({ kind: 'rest_hang' }), ['/user']),
  ofRest((random) => ({ kind: 'rest_delay', ms: between(random, 500, 3_000) }), ANY_PATH),
  loseLogin,
  closeSockets,
  disableAccounts,
  jumpClock,
  sendTexts,
  killSidecar,
  openDay,
  stopDatabase,
];

/** Faults in rounds, now and then two at once. All kinds come before one comes again. */
export function drawRounds(random: SeededRandom, rig: FaultRig, faultsCount: number): CampaignFault[][] {
  const rounds: CampaignFault[][] = [];
  let deck: Draw[] = [];
  for (let drawn = 0; drawn < faultsCount; drawn++) {
    if (deck.length === 0) deck = [...DRAWS];
    const [draw = killSidecar] = deck.splice(random.below(deck.length), 1);
    const fault = draw(random, rig);
    const before = rounds.at(-1);
    const isSecond =
      random.chance(2) && fault.isCombinable && before?.length === 1 && before[0]?.isCombinable;
    if (isSecond) before.push(fault);
    else rounds.push([fault]);
  }
  return rounds.map((faults) => faults.sort((a, b) => a.order - b.order));
}
