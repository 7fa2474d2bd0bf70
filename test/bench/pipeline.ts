// The sidecar's pipeline on one core: Kite frames in, encoded batches out.
import { OPTION_STATUS } from '../../shared/greeks/option-status.ts';
import { type Bench, nsPerItem } from './bench.ts';
import { type BenchRun, greeksRun, INSTRUMENTS, plainRun, TICKS_PER_WINDOW } from './pipeline-run.ts';

/** Greeks cost nothing where there are none. */
function checkStatuses({ options }: BenchRun): void {
  const { byStatus, optionsValued = 0 } = options?.counters ?? { byStatus: [] };
  const valued = (byStatus[OPTION_STATUS.ok] ?? 0) + (byStatus[OPTION_STATUS.byParity] ?? 0);
  if (valued < 0.95 * optionsValued) throw new Error(`${valued} of ${optionsValued} valuations gave Greeks`);
}

export const bench: Bench = {
  about:
    'full packets of 9,000 instruments: check, decode, validate, batch, encode; definitions sent before; the same with Greeks for all of them',
  async run() {
    const [plain, greeks] = [plainRun(), greeksRun()];
    const ns = nsPerItem({
      window: () => plain.step(TICKS_PER_WINDOW),
      saturated: () => plain.step(INSTRUMENTS),
      greeks: () => greeks.step(TICKS_PER_WINDOW),
    });
    plain.check();
    checkStatuses(greeks);
    return {
      ticks_per_core_second: { value: 1e9 / ns.window, unit: 'ticks/s' },
      ticks_per_core_second_saturated: { value: 1e9 / ns.saturated, unit: 'ticks/s' },
      tick: { value: ns.window, unit: 'ns' },
      ticks_per_core_second_greeks: { value: 1e9 / ns.greeks, unit: 'ticks/s' },
    };
  },
};
