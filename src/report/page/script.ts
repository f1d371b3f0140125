/**
 * The page's script: sorts and filters the clients. It adds the controls that need it, reads the
 * page and writes text only, so nothing of a report is ever run or parsed again.
 */
export const script = `'use strict';
(() => {
  const table = document.getElementById('client-table');
  if (!table) return;
  const byId = (id) => document.getElementById(id);
  const controls = byId('client-filter');
  const [text, status, cohort, told] =
    ['filter-text', 'filter-status', 'filter-cohort', 'filter-told'].map(byId);
  const heads = [...table.tHead.rows[0].cells];
  const rows = Array.from(table.tBodies, (body, index) => ({ body, index, shown: true }));
  const { compare } = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  let order = '';

  const tell = () => {
    const shown = rows.filter((row) => row.shown).length;
    told.textContent = shown + ' of ' + rows.length + ' clients shown' + order;
  };

  const valueIn = (row, column) => {
    const cell = row.body.rows[0].cells[column];
    return cell.dataset.value ?? cell.textContent.trim();
  };

  function sort(column) {
    const head = heads[column];
    const kind = head.dataset.kind;
    const first = kind === 'text' ? 'ascending' : 'descending';
    const second = kind === 'text' ? 'descending' : 'ascending';
    const direction = head.getAttribute('aria-sort') === first ? second : first;
    const sign = direction === 'ascending' ? 1 : -1;
    for (const one of heads) one.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', direction);
    const difference = kind === 'number' ? (a, b) => a - b : compare;
    const keyed = rows.map((row) => ({ row, value: valueIn(row, column) }));
    // What has no value comes last, whichever way it is sorted.
    keyed.sort((a, b) =>
      (a.value === '') - (b.value === '') ||
      sign * difference(a.value, b.value) ||
      a.row.index - b.row.index);
    const sorted = document.createDocumentFragment();
    for (const { row } of keyed) sorted.append(row.body);
    table.append(sorted);
    order = ', by ' + head.textContent.trim() + ', ' + direction;
    tell();
  }

  function filter() {
    const words = text.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const inCohort = cohort?.selectedOptions[0]?.dataset.cohort;
    for (const row of rows) {
      if (words.length > 0) row.text ??= row.body.textContent.toLowerCase();
      row.shown = words.every((word) => row.text.includes(word)) &&
        (status.value === '' || row.body.dataset.status === status.value) &&
        (inCohort === undefined || row.body.dataset.cohort === inCohort);
      if (row.body.hidden === row.shown) row.body.hidden = !row.shown;
    }
    tell();
  }

  let waiting = false;
  function filterSoon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      filter();
    });
  }

  function clear() {
    text.value = '';
    status.value = '';
    if (cohort) cohort.value = '';
    filter();
  }

  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.addEventListener('click', () => sort(column));
    head.append(button);
  });
  text.addEventListener('input', filterSoon);
  status.addEventListener('change', filter);
  cohort?.addEventListener('change', filter);
  byId('filter-clear').addEventListener('click', () => {
    clear();
    text.focus();
  });

  // A link to a client that is filtered away would lead nowhere.
  function open(hash) {
    const body = /^#client-\\d+$/.test(hash) && byId(hash.slice(1));
    if (!body) return;
    if (body.hidden) clear();
    body.querySelector('details').open = true;
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href^="#client-"]');
    if (link) open(link.hash);
  });
  open(location.hash);

  table.classList.add('live');
  controls.hidden = false;
  tell();
})();
`;
