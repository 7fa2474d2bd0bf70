// Times as text, ISO 8601 in UTC with milliseconds.

// Ticks of one flush share few seconds (received, last traded, exchange): those formatted last are kept, by their low bits.
const KEPT_SECONDS = 64;
const formattedSeconds = new Float64Array(KEPT_SECONDS).fill(-1);
const formattedTexts: string[] = Array.from({ length: KEPT_SECONDS }, () => '');

/** Of whole milliseconds since the epoch, as `Date.toISOString` has it. Throws RangeError for what is no date. */
export function isoOfMs(ms: number): string {
  const second = Math.floor(ms / 1000);
  const at = second & (KEPT_SECONDS - 1);
  if (formattedSeconds[at] !== second) {
    formattedTexts[at] = new Date(second * 1000).toISOString().slice(0, -4);
    formattedSeconds[at] = second;
  }
  const rest = ms - second * 1000;
  return `${formattedTexts[at]}${rest === 0 ? '000' : String(rest).padStart(3, '0')}Z`;
}
