// The watchlist table: one row per instrument, drawn at most once per animation frame, only where something changed.
import { ageText, COLUMNS } from './columns.js';
import { AGE_OLD_MS, FLASH_MS } from './limits.js';

/**
 * A row's value is `live` only if it came over the present connection; `held` is one from before it.
 *
 * @typedef {'waiting' | 'live' | 'held' | 'refused'} RowState
 *
 * @typedef {object} Row
 * @property {number} token
 * @property {RowState} state
 * @property {HTMLTableRowElement} element
 * @property {Cell} symbol
 * @property {Cell[]} cells in the order of COLUMNS
 * @property {Cell} age
 * @property {Cell} note what is said in place of values
 * @property {import('./columns.js').Tick} [tick]
 * @property {number} receivedAtMs of the tick, by the server's clock
 * @property {number} [shownPrice]
 * @property {Animation} [flash]
 */

/** One text on the page; the DOM is touched only when it changes. */
class Cell {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.text = '';
    this.tone = '';
  }

  /** @param {string} text */
  write(text) {
    if (text === this.text) return;
    this.text = text;
    this.element.textContent = text;
  }

  /** @param {string} tone */
  paint(tone) {
    if (tone === this.tone) return;
    this.tone = tone;
    this.element.dataset.tone = tone;
  }
}

/** The style sheet lays rows out as grids, which takes a table's meaning from it in some browsers: said outright here. */
const ROLES = new Map([
  ['thead', 'rowgroup'],
  ['tbody', 'rowgroup'],
  ['tr', 'row'],
  ['td', 'cell'],
]);

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {HTMLElement} parent
 * @param {string} [className]
 */
function append(name, parent, className = '') {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  const role = ROLES.get(name);
  if (role) element.role = role;
  parent.append(element);
  return element;
}

const LAST_PRICE_AT = COLUMNS.findIndex(({ id }) => id === 'last-price');
const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

export class WatchlistTable {
  /** @type {Map<number, Row>} */
  #rows = new Map();
  /** At most every row once. @type {Set<Row>} */
  #dirty = new Set();
  #isFrameDue = false;
  #element;
  #body;
  #serverNowMs;

  /**
   * @param {HTMLTableElement} element
   * @param {() => number} serverNowMs the server's clock
   */
  constructor(element, serverNowMs) {
    this.#element = element;
    element.role = 'table';
    this.#serverNowMs = serverNowMs;
    this.#drawHead();
    this.#body = append('tbody', element);
  }

  get size() {
    return this.#rows.size;
  }

  get body() {
    return this.#body;
  }

  #drawHead() {
    const row = append('tr', append('thead', this.#element));
    const headings = [
      { id: 'symbol', heading: 'Symbol', headingTitle: '' },
      ...COLUMNS,
      { id: 'age', heading: 'Age', headingTitle: 'Time since the value was received from the exchange' },
    ];
    for (const { id, heading, headingTitle } of headings) {
      const cell = append('th', row, id);
      cell.scope = 'col';
      cell.role = 'columnheader';
      cell.textContent = heading;
      if (headingTitle) cell.title = headingTitle;
    }
    append('span', append('td', row, 'remove'), 'unseen').textContent = 'Remove';
  }

  /** @param {number} token @returns whether there was no such row yet */
  add(token) {
    if (this.#rows.has(token)) return false;
    const element = append('tr', this.#body);
    element.tabIndex = this.#rows.size === 0 ? 0 : -1;
    element.dataset.token = String(token);
    element.setAttribute('aria-keyshortcuts', 'Delete');
    const heading = append('th', element, 'symbol');
    heading.scope = 'row';
    heading.role = 'rowheader';
    const symbol = new Cell(append('span', heading, 'name'));
    const note = new Cell(append('span', heading, 'note'));
    const cells = COLUMNS.map(({ id }) => new Cell(append('td', element, id)));
    const age = new Cell(append('td', element, 'age'));
    const remove = append('button', append('td', element, 'remove'));
    remove.type = 'button';
    remove.tabIndex = -1;
    remove.textContent = '×';
    /** @type {Row} */
    const row = { token, state: 'waiting', element, symbol, cells, age, note, receivedAtMs: 0 };
    this.#rows.set(token, row);
    this.#name(row, String(token));
    this.#touch(row);
    return true;
  }

  /** @param {Row} row @param {string} name */
  #name(row, name) {
    row.symbol.write(name);
    row.symbol.element.title = `${name}, token ${row.token}`;
    row.element.querySelector('button')?.setAttribute('aria-label', `Remove ${name}`);
  }

  /** @param {number} token */
  remove(token) {
    const row = this.#rows.get(token);
    if (!row) return;
    this.#rows.delete(token);
    this.#dirty.delete(row);
    row.element.remove();
  }

  /** A tick of an instrument that is no longer listed changes nothing. @param {import('./columns.js').Tick} tick */
  onTick(tick) {
    const row = this.#rows.get(tick.instrument_token);
    if (!row) return;
    row.tick = tick;
    row.receivedAtMs = Date.parse(tick.received_at);
    row.state = 'live';
    this.#touch(row);
  }

  /** @param {number} token @param {string} message the server's own words */
  refuse(token, message) {
    const row = this.#rows.get(token);
    if (!row) return;
    row.state = 'refused';
    delete row.tick;
    delete row.shownPrice;
    row.note.write(message);
    row.note.element.title = message;
    this.#touch(row);
  }

  /** A row that was refused earlier is waited for again. @param {number} token */
  accept(token) {
    const row = this.#rows.get(token);
    if (row?.state !== 'refused') return;
    row.state = 'waiting';
    this.#touch(row);
  }

  /** The connection is gone: from now on every value is one from before. */
  hold() {
    for (const row of this.#rows.values()) {
      if (row.state !== 'live') continue;
      row.state = 'held';
      row.flash?.cancel();
      this.#touch(row);
    }
  }

  /** @param {boolean} isLive */
  mark(isLive) {
    this.#element.dataset.live = String(isLive);
  }

  /** Ages grow by themselves: called once a second. */
  drawAges() {
    const nowMs = this.#serverNowMs();
    for (const row of this.#rows.values()) this.#drawAge(row, nowMs);
  }

  /** @param {Row | undefined} row */
  #touch(row) {
    if (!row) return;
    this.#dirty.add(row);
    if (this.#isFrameDue) return;
    this.#isFrameDue = true;
    // A hidden tab gets no frames: its ticks only replace each other in the rows until it is shown again.
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#isFrameDue = false;
    const nowMs = this.#serverNowMs();
    for (const row of this.#dirty) this.#drawRow(row, nowMs);
    this.#dirty.clear();
  }

  /** @param {Row} row @param {number} nowMs */
  #drawRow(row, nowMs) {
    const { element, tick } = row;
    if (element.dataset.state !== row.state) element.dataset.state = row.state;
    if (row.state === 'waiting') row.note.write('waiting for the first tick');
    else if (row.state !== 'refused') row.note.write('');
    if (tick && tick.tradingsymbol !== row.symbol.text) this.#name(row, tick.tradingsymbol);
    for (const [at, { text, tone }] of COLUMNS.entries()) {
      const cell = row.cells[at];
      cell?.write(tick ? text(tick) : '');
      if (tone) cell?.paint(tick ? tone(tick) : 'flat');
    }
    this.#drawPriceMove(row);
    this.#drawAge(row, nowMs);
  }

  /** The arrow stays until the price moves again; the flash is for the move itself. @param {Row} row */
  #drawPriceMove(row) {
    const price = row.tick?.last_price;
    const before = row.shownPrice;
    const cell = row.cells[LAST_PRICE_AT];
    if (!cell || price === before) return;
    if (price === undefined) delete row.shownPrice;
    else row.shownPrice = price;
    if (price === undefined || before === undefined) cell.paint('flat');
    else {
      const tone = price > before ? 'up' : 'down';
      cell.paint(tone);
      if (reducedMotion.matches) return;
      row.flash?.cancel();
      const frames = [{ backgroundColor: `var(--flash-${tone})` }, { backgroundColor: 'transparent' }];
      row.flash = cell.element.animate(frames, { duration: FLASH_MS, easing: 'ease-out' });
    }
  }

  /** @param {Row} row @param {number} nowMs */
  #drawAge(row, nowMs) {
    if (!row.tick) {
      row.age.write('');
      return;
    }
    const ageMs = Math.max(0, nowMs - row.receivedAtMs);
    row.age.write(ageText(ageMs));
    row.age.paint(ageMs >= AGE_OLD_MS ? 'old' : 'fresh');
  }
}
