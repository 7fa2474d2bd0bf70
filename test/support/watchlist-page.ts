// The watchlist page as a user sees it: the words of its rows and of its status line.
import type { Locator, Page } from 'playwright-core';

export class WatchlistPage {
  readonly page: Page;
  readonly status: Locator;
  readonly table: Locator;
  readonly rows: Locator;
  readonly addField: Locator;

  constructor(page: Page) {
    this.page = page;
    this.status = page.getByRole('status');
    this.table = page.getByRole('table');
    this.rows = page.locator('tbody tr');
    this.addField = page.getByLabel('Instrument tokens to add');
  }

  /** Saved before the page's first script runs. */
  async useTokens(tokens: readonly number[]): Promise<void> {
    await this.page.addInitScript((saved) => {
      if (localStorage.getItem('watchlist.tokens') === null) localStorage.setItem('watchlist.tokens', saved);
    }, JSON.stringify(tokens));
  }

  row(token: number): Locator {
    return this.page.locator(`tr[data-token="${token}"]`);
  }

  cell(token: number, column: string): Locator {
    return this.row(token).locator(`.${column}`);
  }

  /** Resolves when the row has a value of the present connection. */
  async untilLive(token: number): Promise<void> {
    await this.page.locator(`table[data-live="true"] tr[data-token="${token}"][data-state="live"]`).waitFor();
  }

  /** Resolves when the whole table is marked as not live. */
  async untilNotLive(): Promise<void> {
    await this.page.locator('table[data-live="false"]').waitFor();
  }

  async tokens(): Promise<number[]> {
    return this.rows.evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-token'))));
  }

  async add(text: string): Promise<void> {
    await this.addField.fill(text);
    await this.addField.press('Enter');
  }

  /** Calls or reads something of the probe that runs inside the page. */
  probe<Result>(expression: string): Promise<Result> {
    return this.page.evaluate<Result>(`probe.${expression}`);
  }
}
