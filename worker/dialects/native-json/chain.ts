// Chains as native JSON: answers, members that come and go, figures, and the document of GET /chain.
import { assertNever } from '../../../shared/errors.ts';
import type { ChainFigures, ChainMember, ChainName, ServerEvent } from '../../core/protocol.ts';
import { rowLineOf } from './row-line.ts';

type ChainEvent<Kind extends ServerEvent['kind']> = Extract<ServerEvent, { kind: Kind }>;

function nameFields({ underlying, exchange, expiry }: ChainName) {
  return { underlying, exchange, expiry };
}

function memberFields({ token, tradingsymbol, strike, type }: ChainMember) {
  return { instrument_token: token, tradingsymbol, strike, type };
}

/** What is not known is not there: JSON leaves undefined fields out. */
export function figureFields(figures: ChainFigures) {
  return {
    forward: figures.forward,
    forward_source: figures.forwardSource,
    underlying: figures.underlying,
    days_to_expiry: figures.daysToExpiry,
    strikes_from: figures.strikesFrom,
    strikes_to: figures.strikesTo,
    strikes_counted: figures.strikesCounted,
    atm_strike: figures.atmStrike,
    atm_iv: figures.atmIv,
    skew: figures.skew,
    pcr_oi: figures.pcrOi,
    pcr_volume: figures.pcrVolume,
    max_pain: figures.maxPain,
  };
}

function encodeSubscribedChain(event: ChainEvent<'subscribed_chain'>): string {
  const { strikes, mode, speed, ...name } = event.line;
  const { members, pending, rows, id } = event;
  return JSON.stringify({
    type: 'subscribed',
    kind: 'chain',
    chain: { ...nameFields(name), strikes },
    strikes: [...new Set(members.map(({ strike }) => strike))],
    members: members.map(memberFields),
    ...(pending.length > 0 ? { pending } : {}),
    total: event.total,
    mode,
    speed,
    ...(rows ? { rows: rows.map(rowLineOf) } : {}),
    ...(id === undefined ? {} : { id }),
  });
}

function encodeUnsubscribedChain({ chain, total, id }: ChainEvent<'unsubscribed_chain'>): string {
  const answer = { type: 'unsubscribed', kind: 'chain', chain: nameFields(chain), total };
  return JSON.stringify({ ...answer, ...(id === undefined ? {} : { id }) });
}

function encodeChainMembers({ chain, joined, left, rows }: ChainEvent<'chain_members'>): string {
  return JSON.stringify({
    type: 'chain_members',
    chain: nameFields(chain),
    joined: joined.map(memberFields),
    left,
    ...(rows ? { rows: rows.map(rowLineOf) } : {}),
  });
}

function encodeChainFigures({ chain, figures }: ChainEvent<'chain'>): string {
  return JSON.stringify({ type: 'chain', chain: nameFields(chain), data: figureFields(figures) });
}

export function encodeChainEvent(
  event: ChainEvent<'subscribed_chain' | 'unsubscribed_chain' | 'chain_members' | 'chain'>,
): string {
  switch (event.kind) {
    case 'subscribed_chain':
      return encodeSubscribedChain(event);
    case 'unsubscribed_chain':
      return encodeUnsubscribedChain(event);
    case 'chain_members':
      return encodeChainMembers(event);
    case 'chain':
      return encodeChainFigures(event);
    default:
      return assertNever(event);
  }
}

/** A member of the document: `tick` is its last one as JSON, absent while there is none. */
export interface DocumentMember {
  readonly member: ChainMember;
  readonly tick: string | undefined;
}

/** The document of GET /chain. `figures` are absent while no window has any. */
export function encodeChainDocument(
  name: ChainName,
  strikes: number,
  members: readonly DocumentMember[],
  figures: ChainFigures,
): string {
  const pending = members.flatMap(({ member, tick }) => (tick === undefined ? [member.token] : []));
  const head = JSON.stringify({
    chain: { ...nameFields(name), strikes },
    data: figureFields(figures),
    pending,
  });
  const lines = members.map(({ member, tick }) => {
    const fields = JSON.stringify(memberFields(member));
    return tick === undefined ? fields : `${fields.slice(0, -1)},"tick":${tick}}`;
  });
  return `${head.slice(0, -1)},"members":[${lines.join(',')}]}`;
}
