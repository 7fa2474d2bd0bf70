// The indices and the large shares that every simulated market has, with their real tokens.

export interface IndexRow {
  readonly tradingsymbol: string;
  readonly exchangeToken: number;
  readonly exchange: 'NSE' | 'BSE';
  /** Previous close in rupees. */
  readonly close: number;
  /** Move per unit move of the market factor. */
  readonly beta: number;
  /** Annual volatility of what the factor does not explain. */
  readonly ownVolatility: number;
}

/** The fear index must lie after the market's own, and its price is the volatility that options are quoted at. */
export const VOLATILITY_INDEX = 'INDIA VIX';

export const INDEX_ROWS: readonly IndexRow[] = [
  {
    tradingsymbol: 'NIFTY 50',
    exchangeToken: 1001,
    exchange: 'NSE',
    close: 26_068.15,
    beta: 1,
    ownVolatility: 0.01,
  },
  {
    tradingsymbol: 'NIFTY BANK',
    exchangeToken: 1016,
    exchange: 'NSE',
    close: 58_867.7,
    beta: 1.08,
    ownVolatility: 0.05,
  },
  {
    tradingsymbol: VOLATILITY_INDEX,
    exchangeToken: 1035,
    exchange: 'NSE',
    close: 13.63,
    beta: -3,
    ownVolatility: 0.6,
  },
  {
    tradingsymbol: 'NIFTY FIN SERVICE',
    exchangeToken: 1007,
    exchange: 'NSE',
    close: 27_412.85,
    beta: 1.05,
    ownVolatility: 0.04,
  },
  {
    tradingsymbol: 'SENSEX',
    exchangeToken: 1,
    exchange: 'BSE',
    close: 85_231.92,
    beta: 0.98,
    ownVolatility: 0.01,
  },
];

/** The index that derivatives of a name are written on; other names are their underlying's own symbol. */
export const INDEX_BY_NAME: Readonly<Record<string, string>> = {
  NIFTY: 'NIFTY 50',
  BANKNIFTY: 'NIFTY BANK',
  FINNIFTY: 'NIFTY FIN SERVICE',
  MIDCPNIFTY: 'NIFTY MID SELECT',
  NIFTYNXT50: 'NIFTY NEXT 50',
};

/** Symbol, exchange token, name, previous close in rupees, lot size of its derivatives, beta. */
export type ShareRow = readonly [string, number, string, number, number, number];

export const SHARE_ROWS: readonly ShareRow[] = [
  ['RELIANCE', 2885, 'RELIANCE INDUSTRIES', 1546.6, 500, 1.05],
  ['HDFCBANK', 1333, 'HDFC BANK', 998.3, 550, 0.95],
  ['INFY', 1594, 'INFOSYS', 1545.1, 400, 0.9],
  ['SBIN', 3045, 'STATE BANK OF INDIA', 972.85, 750, 1.15],
  ['ICICIBANK', 4963, 'ICICI BANK', 1369.5, 700, 1],
  ['TCS', 11536, 'TATA CONSULTANCY SERV LT', 3150.6, 175, 0.8],
  ['BHARTIARTL', 10604, 'BHARTI AIRTEL', 2161.3, 475, 0.85],
  ['ITC', 1660, 'ITC', 407.9, 1600, 0.6],
  ['LT', 11483, 'LARSEN & TOUBRO', 4024.4, 175, 1.1],
  ['KOTAKBANK', 1922, 'KOTAK MAHINDRA BANK', 2088.9, 400, 0.95],
  ['AXISBANK', 5900, 'AXIS BANK', 1275.9, 625, 1.1],
  ['HINDUNILVR', 1394, 'HINDUSTAN UNILEVER', 2433.8, 300, 0.55],
  ['BAJFINANCE', 317, 'BAJAJ FINANCE', 1003.2, 750, 1.25],
  ['MARUTI', 10999, 'MARUTI SUZUKI INDIA', 15984, 50, 0.9],
  ['SUNPHARMA', 3351, 'SUN PHARMACEUTICAL IND L', 1779.9, 350, 0.6],
  ['M&M', 2031, 'MAHINDRA & MAHINDRA', 3749.4, 200, 1.15],
  ['NTPC', 11630, 'NTPC', 326.4, 1500, 0.9],
  ['TITAN', 3506, 'TITAN COMPANY', 3907.6, 175, 0.85],
  ['ULTRACEMCO', 11532, 'ULTRATECH CEMENT', 11648, 50, 0.9],
  ['HCLTECH', 7229, 'HCL TECHNOLOGIES', 1608.7, 350, 0.95],
  ['TATASTEEL', 3499, 'TATA STEEL', 168.11, 5500, 1.3],
  ['POWERGRID', 14977, 'POWER GRID CORP', 275.95, 1900, 0.75],
  ['BAJAJFINSV', 16675, 'BAJAJ FINSERV', 2078.5, 250, 1.1],
  ['ASIANPAINT', 236, 'ASIAN PAINTS', 2872.9, 250, 0.7],
  ['NESTLEIND', 17963, 'NESTLE INDIA', 1271.4, 500, 0.5],
  ['ADANIENT', 25, 'ADANI ENTERPRISES', 2421.5, 309, 1.4],
  ['ADANIPORTS', 15083, 'ADANI PORT & SEZ', 1482.2, 475, 1.3],
  ['COALINDIA', 20374, 'COAL INDIA', 378.5, 1350, 0.8],
  ['ONGC', 2475, 'OIL AND NATURAL GAS CORP', 245.96, 2250, 0.85],
  ['WIPRO', 3787, 'WIPRO', 244.56, 3000, 0.9],
  ['JSWSTEEL', 11723, 'JSW STEEL', 1137.6, 675, 1.2],
  ['HINDALCO', 1363, 'HINDALCO INDUSTRIES', 777.7, 700, 1.25],
  ['TECHM', 13538, 'TECH MAHINDRA', 1461.5, 600, 0.95],
  ['GRASIM', 1232, 'GRASIM INDUSTRIES', 2711.3, 250, 0.9],
  ['CIPLA', 694, 'CIPLA', 1511.8, 375, 0.55],
  ['DRREDDY', 881, 'DR. REDDYS LABORATORIES', 1239.4, 625, 0.55],
  ['DIVISLAB', 10940, "DIVI'S LABORATORIES", 6398, 100, 0.7],
  ['APOLLOHOSP', 157, 'APOLLO HOSPITALS ENTER. L', 7372.5, 125, 0.75],
  ['EICHERMOT', 910, 'EICHER MOTORS', 7208, 175, 0.9],
  ['HEROMOTOCO', 1348, 'HERO MOTOCORP', 6008.5, 150, 0.9],
  ['BAJAJ-AUTO', 16669, 'BAJAJ AUTO', 9048.5, 75, 0.85],
  ['BRITANNIA', 547, 'BRITANNIA INDUSTRIES', 5812.5, 125, 0.55],
  ['TATACONSUM', 3432, 'TATA CONSUMER PRODUCT', 1172.8, 550, 0.65],
  ['INDUSINDBK', 5258, 'INDUSIND BANK', 838.15, 700, 1.3],
  ['HDFCLIFE', 467, 'HDFC LIFE INS CO', 764.8, 1100, 0.8],
  ['SBILIFE', 21808, 'SBI LIFE INSURANCE CO', 2032.1, 375, 0.75],
  ['BPCL', 526, 'BHARAT PETROLEUM CORP LT', 362.55, 1975, 0.95],
  ['SHRIRAMFIN', 4306, 'SHRIRAM FINANCE', 828.4, 825, 1.3],
  ['TRENT', 1964, 'TRENT', 4388.7, 100, 1.1],
  ['BEL', 383, 'BHARAT ELECTRONICS', 417.85, 1425, 1.15],
];

/** Annual volatility of a share beyond what the market factor explains. */
export const SHARE_OWN_VOLATILITY = 0.18;
