// The shard's reply to a batch, checked: what comes over the wire may be from another version of the edge.
import { z } from 'zod';
import type { BatchReply, DemandItem } from '../../shared/frame.ts';
import { parseInstrumentToken } from '../../shared/instrument.ts';
import { FLUSH_COST_MS_MAX, SHARD_INSTRUMENTS_MAX } from '../../shared/limits.ts';

const Uint32 = z.number().int().min(0).max(0xffff_ffff);

const Reply = z.object({
  epoch: z.number().int().min(0),
  seq: Uint32,
  boot: Uint32.min(1),
  duplicate: z.literal(true).exactOptional(),
  flushCostMs: z.number().min(0).max(FLUSH_COST_MS_MAX).exactOptional(),
  demand: z
    .object({
      version: Uint32,
      items: z.array(z.tuple([Uint32, z.enum(['ltp', 'quote', 'full'])])).max(SHARD_INSTRUMENTS_MAX),
    })
    .exactOptional(),
});

/** The reply in `text`; throws an Error that names the first field that is wrong. */
export function parseBatchReply(text: string): BatchReply {
  const { demand, ...reply } = parse(text);
  if (demand === undefined) return reply;
  const items: DemandItem[] = [];
  for (const [value, mode] of demand.items) {
    const token = parseInstrumentToken(value);
    if (token === undefined) throw new Error(`reply demands instrument ${value}`);
    items.push([token, mode]);
  }
  return { ...reply, demand: { version: demand.version, items } };
}

function parse(text: string): z.infer<typeof Reply> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('reply is not JSON', { cause });
  }
  const parsed = Reply.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`reply field ${issue?.path.join('.')}: ${issue?.message}`);
}
