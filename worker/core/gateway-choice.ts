// Which gateway a client belongs to: a region by where the request is from, a slot in it by the user.
import {
  GATEWAY_FULL_MS,
  GATEWAY_SLOTS_MAX,
  GATEWAY_SOCKETS_MAX,
  GATEWAY_SOCKETS_SOFT_MAX,
} from '../../shared/limits.ts';

/**
 * Regions that gateways live in; each is a location hint of the platform. There is no hint for India: objects that were
 * created from Mumbai without one landed in Singapore, Osaka or Sydney, so India's clients and the shards are placed in
 * the first. South America, Africa and the Middle East have hints, but no objects live there.
 */
export const REGIONS = ['apac-se', 'apac-ne', 'oc', 'wnam', 'enam', 'weur', 'eeur'] as const;
export type Region = (typeof REGIONS)[number];

/** What Cloudflare says of where a request came in: continent code, and the airport code of its data centre. */
export interface RequestPlace {
  readonly continent?: string | undefined;
  readonly colo?: string | undefined;
}

const REGION_OF_CONTINENT: Readonly<Record<string, Region>> = {
  AS: 'apac-se',
  OC: 'oc',
  NA: 'enam',
  SA: 'enam',
  EU: 'weur',
  AF: 'weur',
};

/** Data centres that are nearer to another region than most of their continent. */
const COLOS: Readonly<Partial<Record<Region, string>>> = {
  'apac-ne': 'NRT KIX FUK OKA ICN HKG TPE KHH MFM ULN',
  wnam: 'SEA PDX SFO SJC SMF LAX SAN LAS PHX TUS SLC DEN ABQ BOI HNL ANC YVR YYC YEG GDL TIJ',
  eeur: 'WAW PRG BUD VIE OTP CLJ SOF BEG SKP TIA ZAG KBP KIV RIX TLL VNO HEL ATH SKG IST ADB TLV LCA DME LED SVX TBS EVN GYD',
};

const REGION_OF_COLO: ReadonlyMap<string, Region> = new Map(
  REGIONS.flatMap((region) =>
    (COLOS[region]?.split(' ') ?? []).map((colo): [string, Region] => [colo, region]),
  ),
);

/** The region nearest to a request; the one with the shards when the request does not say where it is from. */
export function regionOf(place: RequestPlace | undefined): Region {
  const byColo = REGION_OF_COLO.get(place?.colo ?? '');
  return byColo ?? REGION_OF_CONTINENT[place?.continent ?? ''] ?? 'apac-se';
}

/**
 * Slots per region that clients are spread over, from a text like `apac-se=4 weur=2`. One where nothing is said: every
 * gateway in use costs a push of each shard per flush, so a region gets more when it is regularly over one gateway's
 * clients. Throws an error that names the entry which is not understood.
 */
export function parseGatewaySlots(text: string | undefined): ReadonlyMap<Region, number> {
  const entries = (text ?? '').split(/[\s,]+/).flatMap((entry) => entry || []);
  return new Map(
    entries.map((entry): [Region, number] => {
      const [name, digits = ''] = entry.split('=');
      const region = REGIONS.find((candidate) => candidate === name);
      const slots = /^\d$/.test(digits) ? Number(digits) : 0;
      if (region !== undefined && slots >= 1 && slots <= GATEWAY_SLOTS_MAX) return [region, slots];
      throw new Error(
        `GATEWAY_SLOTS: ${JSON.stringify(entry)} is not one of ${REGIONS.join(', ')} with =1 to =${GATEWAY_SLOTS_MAX}`,
      );
    }),
  );
}

/** FNV-1a over UTF-16 units: spreads ids that differ in one character. */
function hash(text: string): number {
  let value = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x0100_0193) >>> 0;
  return (value ^ (value >>> 15)) >>> 0;
}

export interface GatewayCandidate {
  readonly region: Region;
  readonly slot: number;
  /** Sockets from which on the gateway refuses this client, unless its user is there already. */
  readonly socketsMax: number;
}

/** Chooses gateways for one Worker, and remembers for a moment which of them were full. */
export class GatewayChoice {
  readonly #slotsPreferred: ReadonlyMap<Region, number>;
  /** At most one entry per region and slot. */
  readonly #fullUntilMs = new Map<string, number>();

  constructor(slotsPreferred: ReadonlyMap<Region, number> = new Map()) {
    this.#slotsPreferred = slotsPreferred;
  }

  /**
   * Gateways to be asked in turn. The same `key` (user, or address of somebody without one) comes to the same gateway
   * first, so that the devices of a user share one. Each is filled to the soft limit before any is filled further.
   */
  *candidates(region: Region, key: string, nowMs: number): IterableIterator<GatewayCandidate> {
    const preferred = hash(key) % (this.#slotsPreferred.get(region) ?? 1);
    for (const socketsMax of [GATEWAY_SOCKETS_SOFT_MAX, GATEWAY_SOCKETS_MAX]) {
      for (let i = 0; i < GATEWAY_SLOTS_MAX; i++) {
        const candidate = { region, slot: (preferred + i) % GATEWAY_SLOTS_MAX, socketsMax };
        if ((this.#fullUntilMs.get(nameOf(candidate)) ?? 0) <= nowMs) yield candidate;
      }
    }
  }

  /** The candidate has refused for want of room. */
  noteFull(candidate: GatewayCandidate, nowMs: number): void {
    this.#fullUntilMs.set(nameOf(candidate), nowMs + GATEWAY_FULL_MS);
  }
}

function nameOf({ region, slot, socketsMax }: GatewayCandidate): string {
  return `${region}:${slot}:${socketsMax}`;
}
