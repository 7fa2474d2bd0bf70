// Keyboard and pointer on the rows: one row is in the tab order, arrows move it, Delete or the row's button removes.

/** @param {Element | null} row */
function focusRow(row) {
  if (!(row instanceof HTMLTableRowElement)) return false;
  for (const other of row.parentElement?.querySelectorAll('tr[tabindex="0"]') ?? []) {
    other.setAttribute('tabindex', '-1');
  }
  row.tabIndex = 0;
  row.focus();
  return true;
}

/**
 * @param {HTMLTableSectionElement} body
 * @param {{ remove: (token: number) => void, focusElsewhere: () => void }} actions
 */
export function navigateRows(body, { remove, focusElsewhere }) {
  /** @param {HTMLTableRowElement} row */
  function removeRow(row) {
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    remove(Number(row.dataset.token));
    if (!focusRow(neighbour)) focusElsewhere();
  }

  body.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element)) return;
    const row = target.closest('tr');
    if (row && target.closest('button')) removeRow(row);
    else focusRow(row);
  });

  body.addEventListener('keydown', (event) => {
    // A key on the button inside a row is the button's own.
    if (!(event.target instanceof HTMLTableRowElement)) return;
    const row = event.target;
    switch (event.key) {
      case 'ArrowDown':
        focusRow(row.nextElementSibling);
        break;
      case 'ArrowUp':
        focusRow(row.previousElementSibling);
        break;
      case 'Home':
        focusRow(body.firstElementChild);
        break;
      case 'End':
        focusRow(body.lastElementChild);
        break;
      case 'Delete':
        removeRow(row);
        break;
      default:
        return;
    }
    event.preventDefault();
  });
}
