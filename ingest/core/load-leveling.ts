// Spreads new load over carriers so that the least loaded get it first and all end as even as their capacities allow.

export interface Carrier {
  readonly load: number;
  readonly capacity: number;
}

/** How many of `count` new items each carrier gets, in the order of the carriers. Less than `count` only when all are full. */
export function levelLoads(count: number, carriers: readonly Carrier[]): number[] {
  const level = levelOf(count, carriers);
  const shares = carriers.map((carrier) => shareUpTo(level, carrier));
  let left = count - shares.reduce((sum, share) => sum + share, 0);
  for (const [number, { load, capacity }] of carriers.entries()) {
    if (left === 0) break;
    // Those above the level have more than enough, and those below it are full.
    if (load > level || capacity <= level) continue;
    shares[number] = (shares[number] as number) + 1;
    left--;
  }
  return shares;
}

/** The highest load to which all carriers can be brought with `count` items. */
function levelOf(count: number, carriers: readonly Carrier[]): number {
  let level = 0;
  let above = 1 + carriers.reduce((max, { capacity }) => Math.max(max, capacity), 0);
  while (above - level > 1) {
    const middle = Math.floor((level + above) / 2);
    const needed = carriers.reduce((sum, carrier) => sum + shareUpTo(middle, carrier), 0);
    if (needed <= count) level = middle;
    else above = middle;
  }
  return level;
}

function shareUpTo(level: number, { load, capacity }: Carrier): number {
  return Math.max(0, Math.min(level, capacity) - load);
}
