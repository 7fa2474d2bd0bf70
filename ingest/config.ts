// The sidecar's settings: the only reader of the environment, and of the files that it names.
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { KITE_API_KEY_PATTERN } from '../shared/account.ts';
import { parseKeyRing } from '../shared/credential-vault.ts';
import {
  BATCH_TICKS_MAX,
  CREDENTIAL_CHARS_MAX,
  FLUSH_WINDOW_MIN_MS_DEFAULT,
  FLUSH_WINDOW_MS_MAX,
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
  OPTION_RATE_MAX,
  ORDER_RETENTION_DAYS_DEFAULT,
  ORDER_RETENTION_DAYS_MAX,
  ORDER_RETENTION_DAYS_MIN,
  SESSION_CALENDAR_BYTES_MAX,
} from '../shared/limits.ts';
import {
  ALWAYS_OPEN,
  createSessionCalendar,
  extendCalendar,
  SEGMENT_NAMES,
  SESSION_PHASES,
  type SessionCalendar,
} from '../shared/market-session.ts';
import { SESSION_CALENDAR } from '../shared/session-calendar.ts';
import { GREEKS_MODELS, type GreeksSettings } from './core/greeks/greeks-settings.ts';
import { errorText, LOG_LEVELS } from './log.ts';

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const fraction = z.coerce.number().min(0).max(OPTION_RATE_MAX);
const rootUrl = (...protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

/** The text of `parseKeyRing`'s error says which key is wrong and repeats none. */
const keyRing = z.string().superRefine((text, context) => {
  try {
    parseKeyRing(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorText(error) });
  }
});

/** Kite's addresses, and what the database needs: for the sidecar and its commands alike. */
const KITE_API = {
  KITE_API_ROOT: rootUrl('https:', 'http:').default('https://api.kite.trade'),
  /** Before every path of the REST API but /instruments; Kite's sandbox wants `/oms`. */
  KITE_API_PREFIX: z
    .string()
    .regex(/^(\/[\w-]+)*$/, 'must be a path, as in /oms')
    .default(''),
};

const Environment = z.object({
  /** An account that needs no database, together with its token. The table of accounts may have more, or replace it. */
  KITE_API_KEY: z.string().optional(),
  KITE_ACCESS_TOKEN: z.string().optional(),
  /** Of the same account: what its postbacks are checked with. */
  KITE_API_SECRET: z.string().max(CREDENTIAL_CHARS_MAX).optional(),
  ...KITE_API,
  KITE_WS_ROOT: rootUrl('wss:', 'ws:').default('wss://ws.kite.trade/'),
  /** More parameters for the socket's URL, as a query string; Kite's sandbox wants `user_id`. */
  KITE_WS_PARAMETERS: z.string().default(''),
  EDGE_URL: rootUrl('https:', 'http:').refine(
    (text) => !URL.canParse(text) || new URL(text).pathname === '/',
    {
      error: 'must be an origin, without a path: the path of a post is part of what is signed',
    },
  ),
  INGEST_SECRET: z.string().min(32),
  /** Longest and shortest flush window: it is as short as the edge has room for. */
  TICK_BATCH_WINDOW_MS: integer(1, FLUSH_WINDOW_MS_MAX).default(100),
  TICK_BATCH_WINDOW_MIN_MS: integer(1, FLUSH_WINDOW_MS_MAX).optional(),
  TICK_BATCH_MAX_SIZE: integer(1, BATCH_TICKS_MAX).default(1_000),
  TICKER_MODE: z.enum(['ltp', 'quote', 'full']).default('full'),
  MAX_INSTRUMENTS_PER_WS: integer(1, KITE_INSTRUMENTS_PER_CONNECTION_MAX).default(
    KITE_INSTRUMENTS_PER_CONNECTION_MAX,
  ),
  MAX_WS_CONNECTIONS: integer(1, KITE_CONNECTIONS_PER_ACCOUNT_MAX).default(KITE_CONNECTIONS_PER_ACCOUNT_MAX),
  /** Without it everything streams with the environment's account, and the edge cannot look symbols up. */
  DATABASE_URL: rootUrl('postgres:', 'postgresql:').optional(),
  /** What credentials in the database are sealed with: `id:<64 hex digits>`, the current key first, then older ones. */
  CREDENTIALS_KEYS: keyRing.optional(),
  /** `always_open` is for the simulator, whose market never closes. */
  MARKET_SESSION: z.enum(['calendar', 'always_open']).default('calendar'),
  /** A JSON file with hours, holidays and special days that outrank the built-in ones. */
  SESSION_CALENDAR_FILE: z.string().optional(),
  /** `any` takes a list that lacks much of the last one: to be set once when the market itself has shrunk. */
  INSTRUMENT_LIST_CHECK: z.enum(['whole', 'any']).default('whole'),
  /** Orders need the database: on with it unless switched off, off without it. */
  ORDERS_ENABLED: z.enum(['true', 'false']).optional(),
  /** Order tasks that are over go to the archive after so long; order events and refusals are removed then. */
  ORDER_RETENTION_DAYS: integer(ORDER_RETENTION_DAYS_MIN, ORDER_RETENTION_DAYS_MAX).default(
    ORDER_RETENTION_DAYS_DEFAULT,
  ),
  /** Greeks at the market's forward, or at the spot as NSE's option chain has them. */
  OPTION_GREEKS_MODEL: z.enum(GREEKS_MODELS).default('forward'),
  /** Continuously compounded, per year, as a fraction: the default depends on the model. */
  OPTION_GREEKS_INTEREST_RATE: fraction.optional(),
  OPTION_GREEKS_DIVIDEND_YIELD: fraction.default(0),
  STATUS_PORT: integer(0, 65_535).default(0),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  LOG_FORMAT: z.enum(['text', 'json']).default('text'),
});

/** With a longest window that is below the default of the shortest, the window is always that. Orders are on or off. */
const SidecarEnvironment = Environment.transform((settings, context) => {
  const { TICK_BATCH_WINDOW_MS: maxMs } = settings;
  const minMs = settings.TICK_BATCH_WINDOW_MIN_MS ?? Math.min(FLUSH_WINDOW_MIN_MS_DEFAULT, maxMs);
  if (minMs > maxMs) {
    const message = `${minMs} is above TICK_BATCH_WINDOW_MS, ${maxMs}`;
    context.addIssue({ code: 'custom', path: ['TICK_BATCH_WINDOW_MIN_MS'], message });
  }
  const { DATABASE_URL: databaseUrl, ORDERS_ENABLED: orders } = settings;
  if (orders === 'true' && databaseUrl === undefined) {
    // Whoever wants orders shall not find out in the first trade that there are none.
    const message = 'orders need DATABASE_URL';
    context.addIssue({ code: 'custom', path: ['ORDERS_ENABLED'], message });
  }
  const hasOrders = databaseUrl !== undefined && orders !== 'false';
  return { ...settings, TICK_BATCH_WINDOW_MIN_MS: minMs, ORDERS_ENABLED: hasOrders };
});

export type Config = z.infer<typeof SidecarEnvironment>;

/**
 * By model: about what treasury bills of 91 days yield, which discounts and no more (a percentage point moves the volatility of a
 * month by a hundredth of one); and what NSE's option chain takes, which makes the forward.
 */
const INTEREST_RATES = { forward: 0.055, spot: 0.1 } as const;

export function greeksSettingsOf(config: Config): GreeksSettings {
  const { OPTION_GREEKS_MODEL: model, OPTION_GREEKS_DIVIDEND_YIELD: dividendYield } = config;
  return { model, rate: config.OPTION_GREEKS_INTEREST_RATE ?? INTEREST_RATES[model], dividendYield };
}

/** Which of the account's variables are missing: it is there whole, or the database has accounts and keys for them. */
function missingAccountSettings(present: Readonly<Record<string, string | undefined>>): string[] {
  const hasAccounts = present.DATABASE_URL !== undefined && present.CREDENTIALS_KEYS !== undefined;
  const missing = ['KITE_API_KEY', 'KITE_ACCESS_TOKEN'].filter((name) => present[name] === undefined);
  // A key alone is what a first login starts from.
  if (hasAccounts && present.KITE_ACCESS_TOKEN === undefined) return [];
  return missing.map(
    (name) => `${name}: is required, or accounts in DATABASE_URL and their CREDENTIALS_KEYS`,
  );
}

function parseSettings<T>(
  schema: z.ZodType<T>,
  environment: Readonly<Record<string, string | undefined>>,
  missingOf: (present: Readonly<Record<string, string | undefined>>) => readonly string[] = () => [],
): T {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(present);
  const missing = missingOf(present);
  if (parsed.success && missing.length === 0) return parsed.data;
  const problems = (parsed.error?.issues ?? []).map(({ path, message, code }) => {
    const name = path.join('.');
    return `${name}: ${code === 'invalid_type' && present[name] === undefined ? 'is required' : message}`;
  });
  throw new Error(`settings are wrong: ${[...missing, ...problems].join('; ')}`);
}

/**
 * Reads the settings. Throws an Error that names each variable that is wrong and why; values are not repeated, because
 * some are secrets. An empty variable counts as absent.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  return parseSettings(SidecarEnvironment, environment, missingAccountSettings);
}

const CredentialStore = {
  DATABASE_URL: rootUrl('postgres:', 'postgresql:'),
  CREDENTIALS_KEYS: keyRing,
};

const LOOPBACK_HOSTS = ['127.0.0.1', 'localhost'];
/** Kite wants https for anything else, and so do we: what it sends there is as good as a password. */
const redirectUrl = z.string().refine(
  (text) => {
    const url = URL.parse(text);
    return (
      url?.protocol === 'http:' &&
      LOOPBACK_HOSTS.includes(url.hostname) &&
      url.search === '' &&
      url.hash === ''
    );
  },
  { error: 'must be an http address of this machine, as in http://127.0.0.1:8790/' },
);

const LoginEnvironment = z.object({
  ...CredentialStore,
  ...KITE_API,
  KITE_LOGIN_ROOT: rootUrl('https:', 'http:').default('https://kite.zerodha.com'),
  /** As registered with the app in Kite's developer console. */
  KITE_REDIRECT_URL: redirectUrl.default('http://127.0.0.1:8790/'),
  /** An app whose account is added by its first login. */
  KITE_API_KEY: z.string().regex(KITE_API_KEY_PATTERN).optional(),
  KITE_API_SECRET: z.string().max(CREDENTIAL_CHARS_MAX).optional(),
});

export type LoginConfig = z.infer<typeof LoginEnvironment>;

/** The settings of `npm run kite:login`; throws like `readConfig`. */
export function readLoginConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): LoginConfig {
  return parseSettings(LoginEnvironment, environment);
}

const DatabaseEnvironment = z.object({ DATABASE_URL: CredentialStore.DATABASE_URL });

/** The settings of `npm run orders:resolve`; throws like `readConfig`. */
export function readDatabaseConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): z.infer<typeof DatabaseEnvironment> {
  return parseSettings(DatabaseEnvironment, environment);
}

const RotationEnvironment = z.object(CredentialStore);
export type RotationConfig = z.infer<typeof RotationEnvironment>;

/** The settings of `npm run accounts:rotate`; throws like `readConfig`. */
export function readRotationConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): RotationConfig {
  return parseSettings(RotationEnvironment, environment);
}

const DayPhases = z.array(z.tuple([z.string(), z.enum(SESSION_PHASES)]));
const Segments = z.array(z.enum(SEGMENT_NAMES)).min(1);
/** Strict: a misspelt field would silently leave the built-in value in force. */
const CalendarFile = z.strictObject({
  hours: z.array(z.strictObject({ segments: Segments, from: z.string(), phases: DayPhases })).exactOptional(),
  holidays: z
    .array(
      z.strictObject({
        segments: Segments,
        year: z.int(),
        source: z.string(),
        isFinal: z.boolean(),
        dates: z.array(z.string()),
      }),
    )
    .exactOptional(),
  specialDays: z
    .array(
      z.strictObject({ segments: Segments, name: z.string(), dates: z.array(z.string()), phases: DayPhases }),
    )
    .exactOptional(),
});

/** The calendar that these settings call for. Throws an Error that names the file and what is wrong in it. */
export function readSessionCalendar(
  config: Pick<Config, 'MARKET_SESSION' | 'SESSION_CALENDAR_FILE'>,
): SessionCalendar {
  const { MARKET_SESSION: session, SESSION_CALENDAR_FILE: path } = config;
  if (session === 'always_open') return ALWAYS_OPEN;
  if (path === undefined) return createSessionCalendar(SESSION_CALENDAR);
  try {
    const { size } = statSync(path);
    if (size > SESSION_CALENDAR_BYTES_MAX)
      throw new Error(`${size} bytes of at most ${SESSION_CALENDAR_BYTES_MAX}`);
    const parsed = CalendarFile.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (parsed.success) return createSessionCalendar(extendCalendar(SESSION_CALENDAR, parsed.data));
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(problems.join('; '));
  } catch (error) {
    throw new Error(`SESSION_CALENDAR_FILE ${path}: ${errorText(error)}`, { cause: error });
  }
}
