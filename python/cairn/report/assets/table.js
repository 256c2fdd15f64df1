// The table of all layers: search, sort, and a file of what it shows.

const MOST_ROWS = 2000;
const table = { search: "", sort: null, down: true, counters: false, all: false };

// The columns that any layer has something in. `value` is the plain number or text, `show` how it reads.
function tableColumns(result) {
  const total = result.totals.cycles;
  const unit = energyUnit(result);
  const number = (title, unitText, value, show = count, sum = null) => ({ title, unit: unitText, value, show, sum, number: true });
  const text = (title, value) => ({ title, unit: "", value, show: (each) => each ?? "", number: false });
  const { totals } = result;
  const columns = [
    number("#", "", (_, at) => at + 1), text("layer", (layer) => layer.name), text("operation", (layer) => layer.operation), text("sizes", sizesText),
    number("cycles", "", (layer) => layer.cycles, count, totals.cycles),
    number("share", "% of cycles", (layer) => (total ? (100 * layer.cycles) / total : null), decimal),
    number("utilisation", "%", (layer) => 100 * layer.utilisation, decimal, 100 * totals.utilisation),
    number("effective utilisation", "%", (layer) => scale(layer.effective_utilisation, 100), decimal, scale(totals.effective_utilisation, 100)),
    text("bound by", (layer) => layer.bound?.by),
    number("multipliers at work", "% of cycles", (layer) => busyShare(layer), decimal),
    number("multiplications", "operations", (layer) => layer.multiplications, count, totals.multiplications),
    number("effective multiplications", "operations", (layer) => layer.effective_multiplications ?? null, count, totals.effective_multiplications),
    number("buffer reads", "words", (layer) => layer.buffer_reads, count, totals.buffer_reads),
    number("buffer writes", "words", (layer) => layer.buffer_writes, count, totals.buffer_writes),
    number("intensity", "multipl./word", (layer) => rooflineOf(layer, result).intensity, (value) => short(value)),
    number("energy", unit, energyOf, (value) => short(value, 5), energyOf(totals)),
    number("power", "W", (layer) => layer.energy?.power ?? null, (value) => short(value, 3), totals.energy?.power ?? null),
    text("tile", (layer) => Object.entries(layer.mapping?.tile ?? {}).map(([key, value]) => `${key}${value}`).join(" ") || null),
    number("rounds", "", (layer) => layer.mapping?.rounds ?? null), text("evaluator", (layer) => layer.evaluator),
    ...comparedColumns(), ...(table.counters ? counterColumns(result, number) : []),
  ];
  return columns.filter(({ value }) => result.layers.some((layer, at) => ![null, undefined].includes(value(layer, at))));
}

const decimal = (value) => (value === null || value === undefined ? "-" : value.toFixed(1));
const scale = (value, factor) => (value === null || value === undefined ? null : factor * value);

function busyShare(layer) {
  const counts = layer.activity?.multiplier;
  return counts && counts.units * layer.cycles ? (100 * counts.busy) / (counts.units * layer.cycles) : null;
}

// Of several machines: the cycles of the same layer on the others.
function comparedColumns() {
  const group = theGroup();
  const rows = alignedLayers(group);
  const place = new Map(rows.filter(({ layers }) => layers[state.machine]).map((row) => [row.layers[state.machine], row]));
  return group.labels.map((label, at) => at).filter((at) => at !== state.machine).map((at) => ({
    title: `on ${group.labels[at]}`, unit: "cycles", number: true, show: count, sum: group.results[at].totals.cycles,
    value: (layer) => place.get(layer)?.layers[at]?.cycles ?? null,
  }));
}

function counterColumns(result, number) {
  const sums = countersOf(result, null);
  return Object.entries(sums).flatMap(([slot, counts]) => Object.keys(counts).map((name) =>
    number(`${slot}.${name}`, "counted", (layer) => layer.counters?.[slot]?.[name] ?? null, count, counts[name])));
}

// Indices of the layers that hold all words of the search, in the order asked for.
function chosenRows(result, columns) {
  const wanted = table.search.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = columns.filter((column) => !column.number);
  const rows = result.layers.map((_, at) => at).filter((at) => {
    const all = texts.map(({ value }) => value(result.layers[at], at) ?? "").join(" ").toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
  const column = columns.find(({ title }) => title === table.sort);
  if (!column) return rows;
  const key = new Map(rows.map((at) => [at, column.value(result.layers[at], at) ?? (column.number ? -Infinity : "")]));
  const way = table.down ? -1 : 1;
  const compare = column.number ? (a, b) => a - b : (a, b) => a.localeCompare(b, "en", { numeric: true });
  return rows.sort((a, b) => way * compare(key.get(a), key.get(b)) || a - b);
}

function headerCell(column) {
  const sorted = table.sort === column.title;
  const sort = () => {
    table.down = sorted ? !table.down : column.number && column.title !== "#";
    table.sort = column.title;
    showRows();
    [...document.querySelectorAll("#table thead button")].find((button) => button.dataset.title === column.title)?.focus();
  };
  return make("th", { scope: "col", class: cellClass(column), "aria-sort": sorted ? (table.down ? "descending" : "ascending") : null },
    make("button", { type: "button", "data-title": column.title, click: sort }, `${column.title}${sorted ? (table.down ? " ▼" : " ▲") : ""}`),
    column.unit ? make("span", { class: "unit" }, column.unit) : null);
}

const cellClass = ({ number, title }) => (number ? "number" : title === "layer" ? "name" : null);

function bodyCell(column, layer, at) {
  const value = column.value(layer, at);
  return make("td", { class: cellClass(column), title: column.title === "layer" ? value : null }, column.show(value));
}

function showRows() {
  const result = theResult();
  const columns = tableColumns(result);
  const rows = chosenRows(result, columns);
  const shown = table.all ? rows : rows.slice(0, MOST_ROWS);
  const lines = shown.map((at) => make("tr", { "data-layer": at }, ...columns.map((column) => bodyCell(column, result.layers[at], at))));
  const foot = columns.map((column) => make("td", { class: cellClass(column) },
    column.title === "layer" ? "total" : column.sum === null || column.sum === undefined ? "" : column.show(column.sum)));
  document.querySelector("#table .scroll").replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map(headerCell))), make("tbody", {}, ...lines), make("tfoot", {}, make("tr", {}, ...foot))));
  document.getElementById("found").textContent = `${count(rows.length)} of ${plural(result.layers.length, "layer")}${shown.length < rows.length ? `, the first ${count(shown.length)} shown` : ""}`;
}

// Rows as a file of comma-separated values: numbers bare, a quote doubled inside quotes.
function csvText() {
  const result = theResult();
  const columns = tableColumns(result);
  const cell = (value) => (typeof value === "number" ? String(value) : `"${String(value ?? "").replace(/"/g, '""')}"`);
  const head = columns.map(({ title, unit }) => cell(unit ? `${title} (${unit})` : title));
  const lines = chosenRows(result, columns).map((at) => columns.map(({ value }) => cell(value(result.layers[at], at))));
  return [head, ...lines].map((line) => line.join(",")).join("\r\n") + "\r\n";
}

function save(name, text, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function showTable() {
  const search = make("input", {
    type: "search", id: "search", value: table.search, placeholder: "words of a name, an operation, sizes", "aria-label": "Search the layers",
    input: (event) => { table.search = event.target.value; showRows(); },
  });
  const box = (text, key) => make("label", {}, make("input", { type: "checkbox", checked: table[key], change: (event) => { table[key] = event.target.checked; showRows(); } }), text);
  refill("table",
    make("div", { class: "controls" }, make("label", {}, "search", search), make("span", { id: "found", role: "status", class: "hint" }),
      box("all counters", "counters"), theResult().layers.length > MOST_ROWS ? box("all rows", "all") : null,
      make("button", { type: "button", id: "csv", click: () => save(`${PAGE.name}.csv`, csvText(), "text/csv") }, "Save as CSV")),
    hint("The button of a column sorts by it, pressed again the other way round. The search is for text; the totals below are those of all layers."),
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Layers" }));
  showRows();
}
