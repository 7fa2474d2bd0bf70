// Faults drawn by a seed, one round after the other: after each all that is desired streams again, in order and true.
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mix } from '../../ingest/simulator/core/random.ts';
import { SeededRandom } from '../ingest/support/seeded-random.ts';
import { Campaign } from '../support/campaign.ts';
import { drawRounds } from '../support/campaign-faults.ts';

/** One seed in every run of all tests, so that a change is what makes it fail; `new` draws another one. */
const { CAMPAIGN_SEED = '41' } = process.env;
const SEED = CAMPAIGN_SEED === 'new' ? randomInt(1, 2 ** 31) : Number(CAMPAIGN_SEED);
const FAULTS = Number(process.env.CAMPAIGN_FAULTS ?? 12);
/** A fault stands so long: some pass unseen, some outlast the silence after which a socket is given up. */
const FAULT_MS = { min: 500, max: 8_000 };
/** Kite's throttling alone keeps an account away for 15 s and more. */
const CONVERGES_WITHIN_MS = 30_000;
const ROUND_MS_MAX = 2 * CONVERGES_WITHIN_MS + 30_000;

const random = new SeededRandom(mix(SEED, 1));
const campaign = new Campaign(random);
const directory = mkdtempSync(join(tmpdir(), 'ticker-edge-campaign-'));

beforeAll(async () => {
  console.info(`CAMPAIGN_SEED=${SEED} CAMPAIGN_FAULTS=${FAULTS}`);
  await campaign.start(join(directory, 'cluster'));
});
afterAll(async () => {
  await campaign.stop();
  rmSync(directory, { recursive: true, force: true });
});

test(
  `whatever happens, what is desired streams again, in order and true (CAMPAIGN_SEED=${SEED})`,
  async () => {
    await campaign.converge(CONVERGES_WITHIN_MS);
    const rounds = drawRounds(random, campaign, FAULTS);
    expect(rounds.flat()).toHaveLength(FAULTS);
    for (const [i, faults] of rounds.entries()) {
      const holdMs = FAULT_MS.min + random.below(FAULT_MS.max - FAULT_MS.min);
      const title = `round ${i + 1} of ${rounds.length}, ${holdMs} ms: ${faults.map(({ name }) => name).join('; ')}`;
      try {
        for (const fault of faults) await fault.begin(campaign);
        await sleep(holdMs / 2);
        campaign.changeDemand();
        await sleep(holdMs / 2);
        for (const fault of faults.toReversed()) await fault.end(campaign);
        const endedAtMs = Date.now();
        if (random.chance(2)) await campaign.changePins();
        await campaign.converge(CONVERGES_WITHIN_MS);
        console.info(`${title}\n  converged after ${Date.now() - endedAtMs} ms`);
      } catch (cause) {
        throw new Error(`CAMPAIGN_SEED=${SEED}, ${title}\n${campaign.stack.logs()}`, { cause });
      }
    }
  },
  ROUND_MS_MAX * FAULTS,
);
