// Runs inside a tested page, ahead of its own scripts: records what a user would have seen pass by, and holds frames back.

const probe = {
  /** Every text that the status line has shown. @type {string[]} */
  statuses: [],
  /** `token column text` of every cell that was written since `watchCells`; ages are left out, they change by themselves. @type {string[]} */
  writes: [],
  /** @type {FrameRequestCallback[]} */
  heldFrames: [],

  watchCells() {
    const observer = new MutationObserver((records) => {
      for (const { target, type } of records) {
        const cell = target instanceof HTMLElement ? target : target.parentElement;
        if (!cell || type === 'attributes' || cell.classList.contains('age')) continue;
        probe.writes.push(`${cell.closest('tr')?.dataset.token} ${cell.className} ${cell.textContent}`);
      }
    });
    const body = document.querySelector('tbody');
    if (body)
      observer.observe(body, { subtree: true, childList: true, characterData: true, attributes: true });
  },

  /** As in a hidden tab. */
  holdFrames() {
    window.requestAnimationFrame = (callback) => probe.heldFrames.push(callback);
  },

  /** Runs what was held; gives how many callbacks there were. */
  releaseFrames() {
    const due = probe.heldFrames.splice(0);
    for (const callback of due) callback(performance.now());
    return due.length;
  },

  /** Keys on whatever is focused when each comes, all within one task. @param {string[]} keys */
  press(keys) {
    for (const key of keys) {
      const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
      document.activeElement?.dispatchEvent(event);
    }
  },

  /** Class names of the page and of cells whose content does not fit. */
  overflowing() {
    return [document.documentElement, ...document.querySelectorAll('tbody :is(th, td)')]
      .filter(
        ({ scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
          scrollWidth > clientWidth || scrollHeight > clientHeight,
      )
      .map(({ className }) => className || 'page');
  },
};

Object.assign(globalThis, { probe });
document.addEventListener('DOMContentLoaded', () => {
  const status = document.querySelector('[role="status"]');
  const observer = new MutationObserver(() => probe.statuses.push(status?.textContent ?? ''));
  if (status) observer.observe(status, { childList: true, characterData: true, subtree: true });
});
