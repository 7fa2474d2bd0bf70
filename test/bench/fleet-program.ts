// Program of a load process: one fleet, driven by the calls of whoever forked it.
import { ClientFleet, type FleetOptions } from './client-fleet.ts';
import type { FleetFigures, FleetMethod } from './fleet-process.ts';
import { answerCalls, ownCpuMs } from './process-calls.ts';

let fleet: ClientFleet | undefined;

answerCalls((method, args) => {
  if (method === 'create') {
    fleet = new ClientFleet(args[0] as FleetOptions);
    return undefined;
  }
  if (!fleet) throw new Error(`${method} before create`);
  if (method === 'figures') {
    const { frames, skipped, closeCodes } = fleet;
    return { frames, skipped, closeCodes: [...closeCodes], cpuMs: ownCpuMs() } satisfies FleetFigures;
  }
  const act = fleet[method as FleetMethod] as (...args: readonly unknown[]) => unknown;
  return act.apply(fleet, [...args]);
});
