// Greeks at a fixed forward turned into those at a fixed spot, where the forward is S e^((rate - yield) x years).
import type { ExpiryTerms, OptionColumns } from '../../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../../shared/greeks/option-status.ts';
import type { GreeksSettings } from './greeks-settings.ts';

const DAYS_PER_YEAR = 365;
const PER_POINT = 0.01;

/**
 * The forward moves with the spot by F / S, falls by (rate - yield) F a year as time passes, and rises by years x F with
 * the rate: what the option owes to that is added. Options `from` to `to` that have Greeks; others stay as they are.
 */
export function toSpotGreeks(
  columns: OptionColumns,
  from: number,
  to: number,
  { forward, years }: Readonly<ExpiryTerms>,
  spot: number,
  { rate, dividendYield }: GreeksSettings,
): void {
  if (!(spot > 0) || !(years > 0)) return;
  const ratio = forward / spot;
  const decayPerDay = ((rate - dividendYield) * forward) / DAYS_PER_YEAR;
  const risePerPoint = PER_POINT * years * forward;
  for (let at = from; at < to; at++) {
    const status = columns.statuses[at];
    if (status !== OPTION_STATUS.ok && status !== OPTION_STATUS.byParity) continue;
    const delta = columns.delta[at] as number;
    columns.delta[at] = delta * ratio;
    columns.gamma[at] = (columns.gamma[at] as number) * ratio * ratio;
    columns.thetaPerDay[at] = (columns.thetaPerDay[at] as number) - decayPerDay * delta;
    columns.rhoPerPoint[at] = (columns.rhoPerPoint[at] as number) + risePerPoint * delta;
  }
}
