// What option valuation asks of the instrument list, whoever keeps it.

export type ContractType = 'CE' | 'PE' | 'FUT';

export interface Contract {
  readonly token: number;
  readonly type: ContractType;
  /** YYYY-MM-DD. */
  readonly expiry: string;
  /** Rupees; 0 for a future. */
  readonly strike: number;
  /** Rupees. */
  readonly tickSize: number;
}

/** Every contract that an exchange has on one underlying. */
export interface UnderlyingContracts {
  readonly exchange: string;
  /** The underlying, as the list names it. */
  readonly name: string;
  readonly contracts: readonly Contract[];
}

export interface ContractBook {
  /** The contracts that share exchange and underlying with the token's, itself included; undefined when it is no contract. */
  contractsBeside(token: number): UnderlyingContracts | undefined;
  /** The token of what trades there itself, an index or a share; undefined when there is none. */
  tokenOf(exchange: string, tradingsymbol: string): number | undefined;
}

/** The book before the first list is read. */
export const EMPTY_CONTRACT_BOOK: ContractBook = {
  contractsBeside: () => undefined,
  tokenOf: () => undefined,
};
