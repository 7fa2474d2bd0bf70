// Bodies of order requests as text: their fields and types by schema, each error with the field and the value.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import {
  KITE_ACCOUNT_ID_CHARS_MAX,
  ORDER_PRICE_RUPEES_MAX,
  ORDER_QUANTITY_MAX,
  ORDER_VALIDITY_TTL_MINUTES_MAX,
} from '../../shared/limits.ts';
import {
  ORDER_EXCHANGES,
  ORDER_PRODUCTS,
  ORDER_TYPES,
  ORDER_VALIDITIES,
  ORDER_VARIETIES,
  PLACED_VARIETIES,
} from '../../shared/order.ts';
import { readBody } from '../auth/ingest-signature.ts';

/** Characters of a value or a field's name that an error repeats. */
const ECHO_CHARS_MAX = 100;

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });
const whole = (max: number) => {
  const error = `must be a whole number from 1 to ${max}`;
  return z.int({ error }).min(1, { error }).max(max, { error });
};
const text = (pattern: RegExp, rule: string) => z.string({ error: rule }).regex(pattern, { error: rule });
/** Its sign and its tick are for the rules to say, which know the order's type. */
const Price = z
  .number({ error: 'must be a number of rupees' })
  .min(-ORDER_PRICE_RUPEES_MAX, { error: 'must be above 0' })
  .max(ORDER_PRICE_RUPEES_MAX, { error: `must be at most ${ORDER_PRICE_RUPEES_MAX} rupees` });
const OrderId = text(/^[A-Za-z0-9_-]{1,40}$/, 'must be an order id of Kite, as a text');

/** Control characters are in no name, and NUL in no text of the database. */
export const AccountId = text(
  new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${KITE_ACCOUNT_ID_CHARS_MAX}}$`, 'u'),
  `must be a text of 1 to ${KITE_ACCOUNT_ID_CHARS_MAX} characters`,
);

const Account = { account_id: AccountId.exactOptional() };
const Terms = {
  price: Price.exactOptional(),
  trigger_price: Price.exactOptional(),
  disclosed_quantity: whole(ORDER_QUANTITY_MAX).exactOptional(),
  market_protection: z.number({ error: 'must be a number' }).exactOptional(),
};

export const PlaceBody = z.strictObject({
  ...Account,
  variety: oneOf(PLACED_VARIETIES).default('regular'),
  exchange: oneOf(ORDER_EXCHANGES),
  tradingsymbol: text(/^[\x20-\x7e]{1,64}$/, 'must be a symbol of the instrument list'),
  transaction_type: oneOf(['BUY', 'SELL']),
  quantity: whole(ORDER_QUANTITY_MAX),
  product: oneOf(ORDER_PRODUCTS),
  order_type: oneOf(ORDER_TYPES),
  ...Terms,
  validity: oneOf(ORDER_VALIDITIES).default('DAY'),
  validity_ttl: whole(ORDER_VALIDITY_TTL_MINUTES_MAX).exactOptional(),
});

const Target = {
  ...Account,
  variety: oneOf(ORDER_VARIETIES).default('regular'),
  order_id: OrderId,
  parent_order_id: OrderId.exactOptional(),
};

export const ModifyBody = z.strictObject({
  ...Target,
  quantity: whole(ORDER_QUANTITY_MAX).exactOptional(),
  order_type: oneOf(ORDER_TYPES).exactOptional(),
  ...Terms,
  validity: oneOf(['DAY', 'IOC']).exactOptional(),
});

export const CancelBody = z.strictObject(Target);

/** What callers often send and may not, with the reason. */
const REFUSED_FIELDS: ReadonlyMap<string, string> = new Map([
  ['tag', 'is given here and not by the caller: by it an order is found whose answer was lost'],
]);

/** JSON has no infinity, but 1e400 parses as one. */
function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length > ECHO_CHARS_MAX ? `${text.slice(0, ECHO_CHARS_MAX)}...` : text;
}

/** `invalid_parameter` with the field, what is wrong with it, and the value. */
export function wrongField(field: string, message: string, value: unknown): AppError {
  const name = /^[\w-]{1,40}$/.test(field) ? field : shown(field);
  return new AppError('invalid_parameter', `${name}: ${message}, got ${shown(value)}`);
}

/** The value if the schema takes it; throws `invalid_parameter` with the first field that is wrong, and its value. */
export function checkFields<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const givenAs = (field: string) => (value as Readonly<Record<string, unknown>>)[field];
  if (issue?.code === 'unrecognized_keys') {
    const field = issue.keys[0] ?? '';
    throw wrongField(field, REFUSED_FIELDS.get(field) ?? 'is no field of this request', givenAs(field));
  }
  const field = issue?.path[0] === undefined ? undefined : String(issue.path[0]);
  throw wrongField(
    field ?? 'body',
    issue?.message ?? 'is wrong',
    field === undefined ? value : givenAs(field),
  );
}

/** The body as JSON. Throws `message_too_big` or `invalid_json`. */
export async function readJsonBody(request: Request, bytesMax: number): Promise<unknown> {
  const bytes = await readBody(request, bytesMax, 'message_too_big');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new AppError('invalid_json', 'body is not JSON in UTF-8', { cause });
  }
}
