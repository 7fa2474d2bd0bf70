// Program of a load process: one fleet, driven by the messages of whoever forked it.
import { ClientFleet, type FleetOptions } from './client-fleet.ts';
import type { FleetAnswer, FleetCall } from './fleet-process.ts';

let fleet: ClientFleet | undefined;

async function carryOut({ method, args }: FleetCall): Promise<unknown> {
  if (method === 'create') {
    fleet = new ClientFleet(args[0] as FleetOptions);
    return undefined;
  }
  if (!fleet) throw new Error(`${method} before create`);
  if (method === 'figures') {
    const { user, system } = process.cpuUsage();
    const { frames, skipped, closeCodes } = fleet;
    return { frames, skipped, closeCodes: [...closeCodes], cpuMs: (user + system) / 1000 };
  }
  const act = fleet[method] as (...args: readonly unknown[]) => unknown;
  return await act.apply(fleet, [...args]);
}

process.on('message', (call: FleetCall) => {
  carryOut(call).then(
    (value) => process.send?.({ id: call.id, value } satisfies FleetAnswer),
    (error: unknown) => process.send?.({ id: call.id, error: String(error) } satisfies FleetAnswer),
  );
});
// Without its parent it would hold its sockets for ever.
process.on('disconnect', () => process.exit(0));
