// The limits of a connection as clients are told them: what they may do without being refused, or cut off.
import {
  AUTHENTICATE_MS_MAX,
  CHAIN_STRIKES_MAX,
  CLIENT_BARS_MAX,
  CLIENT_CHAINS_MAX,
  CLIENT_COMMANDS_QUEUED_MAX,
  CLIENT_FILTERS_MAX,
  CLIENT_MESSAGE_CHARS_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTIONS_PER_USER_MAX,
  MESSAGES_ABUSIVE_PER_SECOND,
  MESSAGES_PER_SECOND_MAX,
} from '../../shared/limits.ts';

export const CLIENT_LIMITS = {
  subscriptions: CLIENT_SUBSCRIPTIONS_MAX,
  filters: CLIENT_FILTERS_MAX,
  bars: CLIENT_BARS_MAX,
  chains: CLIENT_CHAINS_MAX,
  chain_strikes: CHAIN_STRIKES_MAX,
  tokens_per_message: CLIENT_TOKENS_PER_MESSAGE_MAX,
  message_chars: CLIENT_MESSAGE_CHARS_MAX,
  messages_per_second: MESSAGES_PER_SECOND_MAX,
  messages_unanswered: CLIENT_COMMANDS_QUEUED_MAX,
  messages_abusive_per_second: MESSAGES_ABUSIVE_PER_SECOND,
  connections_per_user: CONNECTIONS_PER_USER_MAX,
  connections_per_address: CONNECTIONS_PER_ADDRESS_MAX,
  authenticate_ms: AUTHENTICATE_MS_MAX,
} as const;
