// Bounds of what is kept of orders in the database.

/** Tasks that are over stay so long where they are looked up: a month's statements. Ten years are what a tax office asks for. */
export const ORDER_RETENTION_DAYS_DEFAULT = 30;
export const ORDER_RETENTION_DAYS_MAX = 3_650;
