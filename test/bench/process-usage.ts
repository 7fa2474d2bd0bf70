// What a process has used by now, as Linux tells it: resident memory and CPU time.
import { readFileSync } from 'node:fs';

/** Ticks per second of /proc's clock: fixed by the kernel's interface at 100. */
const CLOCK_TICKS_PER_SECOND = 100;

export interface Usage {
  readonly rssBytes: number;
  readonly cpuMs: number;
}

/** Throws where there is no /proc, or no such process. */
export function usageOf(pid: number): Usage {
  const rssKb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  // After the name, which is in brackets: state is the first field, utime and stime are the 12th and 13th.
  const [, stat = ''] = /^\d+ \(.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  const fields = stat.split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (rssKb === undefined || !Number.isFinite(ticks)) throw new Error(`/proc/${pid} is not understood`);
  return { rssBytes: Number(rssKb) * 1024, cpuMs: (ticks * 1000) / CLOCK_TICKS_PER_SECOND };
}
