// The machine as a diagram: parts in the order of the data path, and between them pipes. A pipe is as wide as what it could
// carry, and filled by what it did carry.

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const words = (x, y, text, size = 13, more = {}) => shape("text", { x, y, "font-size": size, ...more }, text);

// Two numbers a cycle say more than a number of ten digits: long counts get a prefix, the exact number is in the tooltip.
const amount = (value, unit) => (value < 1e6 ? `${count(value)} ${unit}` : `${scaled(value, "").trim()} ${unit}`);

// What each link carries and how much it could carry in a cycle, where the machine says so.
function linksOf(result, layer) {
  const parts = result.context.machine?.parts ?? {};
  const counters = countersOf(result, layer);
  const of = (slot, name) => counters[slot]?.[name] ?? null;
  const { distribution: network = {}, multiplier: array = {}, collection: lines = {} } = parts;
  const multipliers = multipliersOf(result) || null;
  const endpoints = array.rows ? array.rows + array.columns : multipliers;
  const ports = "bandwidth" in network ? (network.bandwidth || endpoints) / (network.interval ?? 1) : null;
  const byType = { bus: lines.lines || multipliers, shift: array.rows ?? null, direct: multipliers };
  const stored = result.totals.activity?.writeback?.units ?? null;
  const sent = of("distribution", "words");
  const copies = of("distribution", "broadcasts");
  const made = of("multiplier", "multiplications");
  const passed = of("multiplier", "input_forwards"); // max-pooling
  return [
    { id: "read", from: "memory", to: "distribution", what: "words sent", unit: "words", count: sent, capacity: ports },
    { id: "operands", from: "distribution", to: "multiplier", what: copies ? "words delivered, copies of the switches included" : "words delivered", unit: "words", count: sent === null ? null : sent + (copies ?? 0), capacity: null },
    { id: "products", from: "multiplier", to: "reduction", what: "products", unit: "products", count: passed === null ? made : made + passed, capacity: multipliers },
    { id: "sums", from: "reduction", to: "collection", what: "sums taken", unit: "results", count: of("collection", "results_in"), capacity: null },
    { id: "results", from: "collection", to: "writeback", what: "results sent", unit: "results", count: of("collection", "results_out"), capacity: byType[lines.type] ?? null },
    { id: "stored", from: "writeback", to: "memory", what: "words stored", unit: "words", count: of("writeback", "output_writes"), capacity: stored },
  ];
}

const PLACES = {
  wide: {
    size: [1190, 430], memory: [8, 20, 162, 390], distribution: [332, 20, 176, 140], multiplier: [670, 20, 176, 140], reduction: [1008, 20, 176, 140],
    collection: [1008, 270, 176, 140], writeback: [670, 270, 176, 140],
  },
  narrow: {
    size: [400, 1240], memory: [8, 8, 190, 132], distribution: [8, 220, 190, 128], multiplier: [8, 428, 190, 128], reduction: [8, 636, 190, 128],
    collection: [8, 844, 190, 128], writeback: [8, 1052, 190, 128],
  },
};

// What a box says under its name: its type, and what of its parameters sizes it.
function sizesOfPart(slot, part) {
  const facts = {
    distribution: part.bandwidth ? `${count(part.bandwidth)} words/cycle` : "a port an endpoint",
    multiplier: part.rows ? `${part.rows} x ${part.columns} elements` : `${count(part.multipliers)} multipliers`,
    collection: part.lines ? plural(part.lines, "line") : "a line a sum",
    writeback: part.drain ? `stores ${part.drain} of the queue` : "",
  };
  return slot === "collection" && part.type !== "bus" ? "" : facts[slot] ?? "";
}

// Small drawings of what a part looks like: a mesh, a row, a tree, a crossing.
const GLYPHS = {
  mesh: "M0 0H30V30H0Z M10 0V30 M20 0V30 M0 10H30 M0 20H30",
  "stationary-mesh": "M0 0H30V30H0Z M10 0V30 M20 0V30 M0 10H30 M0 20H30 M3 3h4v4h-4z M13 13h4v4h-4z M23 23h4v4h-4z",
  column: "M5 2V28 M15 2V28 M25 2V28 M2 8h6 M12 8h6 M22 8h6 M2 18h6 M12 18h6 M22 18h6",
  linear: "M0 11h7v8h-7z M11 11h7v8h-7z M22 11h7v8h-7z M7 15h4 M18 15h4",
  disabled: "M0 11h7v8h-7z M11 11h7v8h-7z M22 11h7v8h-7z",
  tree: "M15 2L6 15M15 2L24 15M6 15L1 28M6 15L11 28M24 15L19 28M24 15L29 28",
  benes: "M0 4H8L22 26H30 M0 26H8L22 4H30 M0 15H30",
  unicast: "M0 15L30 3M0 15L30 15M0 15L30 27", "point-to-point": "M0 5H30M0 15H30M0 25H30",
  art: "M15 28L6 15M15 28L24 15M6 15L1 2M6 15L11 2M24 15L19 2M24 15L29 2M6 15H24",
  fan: "M15 28L6 15M15 28L24 15M6 15L1 2M6 15L11 2M24 15L19 2M24 15L29 2",
  "synchronous-fan": "M15 28L6 15M15 28L24 15M6 15L1 2M6 15L11 2M24 15L19 2M24 15L29 2",
  temporal: "M4 8H26V22H4Z M26 15H30V2H0V15H4", bus: "M0 5H30M0 15H30M0 25H30", direct: "M0 5H30M0 15H30M0 25H30",
  shift: "M2 8h8v14h-8z M12 8h8v14h-8z M22 8h8v14h-8z", "write-queue": "M0 6H30M0 24H30M8 6V24M15 6V24M22 6V24",
};

function drawPart(slot, [x, y, width, height], result, layer) {
  const part = result.context.machine?.parts?.[slot] ?? {};
  const counts = activityOf(result, layer)?.[slot];
  const lines = [[SLOT_NAMES[slot], 13, { "font-weight": 600 }], [part.type ?? "", 12.5, { class: "quiet" }]];
  if (slot === "memory") {
    const figures = layer === null ? result.totals : result.layers[layer];
    lines.push([amount(figures.buffer_reads, "words read"), 13, { "data-read": figures.buffer_reads }]);
    lines.push([amount(figures.buffer_writes, "words written"), 13, { "data-written": figures.buffer_writes }]);
  } else {
    lines.push([sizesOfPart(slot, part), 12.5, {}]);
  }
  const told = Object.entries(part).map(([key, value]) => `${key} = ${value}`).join("\n");
  const group = shape("g", { "data-slot": slot }, shape("title", {}, `${slot}\n${told}`), shape("rect", { class: "box", x, y, width, height, rx: 7 }));
  lines.filter(([text]) => text).forEach(([text, size, more], at) => group.append(words(x + 12, y + 24 + 20 * at, text, size, more)));
  if (GLYPHS[part.type]) group.append(shape("path", { class: "glyph", d: GLYPHS[part.type], transform: `translate(${x + width - 34} ${y + 31}) scale(.75)` }));
  if (counts) {
    const share = counts.busy / sumOf(Object.keys(STATES), (name) => counts[name]) || 0;
    const bar = { x: x + 12, y: y + height - 16, height: 7 };
    group.append(words(x + 12, y + height - 22, `at work ${percent(share)}`, 12, { "data-busy": counts.busy }),
      shape("rect", { class: "meter", ...bar, width: width - 24 }), shape("rect", { class: "full", ...bar, width: (width - 24) * share }));
  }
  return group;
}

// The way of a link from box to box, and where its three lines of text begin.
function route(from, to, places, wide) {
  const [fx, fy, fw, fh] = places[from];
  const [tx, ty, tw, th] = places[to];
  if (!wide) {
    if (to === "memory") return { path: [[fx + 95, fy + fh], [fx + 95, fy + fh + 52]], text: [fx + 140, fy + fh + 18], anchor: "start" };
    return { path: [[fx + 95, fy + fh], [fx + 95, ty]], text: [fx + 140, (fy + fh + ty) / 2 - 14], anchor: "start" };
  }
  if (from === "reduction") return { path: [[fx + fw / 2, fy + fh], [fx + fw / 2, ty]], text: [fx + fw / 2 - 34, (fy + fh + ty) / 2 - 14], anchor: "end" };
  const forth = fx < tx;
  const [start, end] = forth ? [fx + fw, tx] : [fx, tx + tw];
  const [, row, , size] = places[from === "memory" ? to : from];  // the buffer is as high as both rows
  const height = row + size / 2;
  return { path: [[start, height], [end, height]], text: [(start + end) / 2, height - 34], anchor: "middle" };
}

function drawLink(link, places, wide, cycles, widest) {
  const { path: [[x1, y1], [x2, y2]], text: [x, y], anchor } = route(link.from, link.to, places, wide);
  const rate = cycles ? link.count / cycles : 0;
  const room = (value) => 5 + 31 * Math.sqrt(value / widest);
  const [dx, dy] = [Math.sign(x2 - x1), Math.sign(y2 - y1)];
  const line = { x1, y1, x2: x2 - 11 * dx, y2: y2 - 11 * dy };
  const full = link.capacity ? Math.max(1.5, room(link.capacity) * Math.min(1, rate / link.capacity)) : room(rate);
  const share = link.capacity ? percent(rate / link.capacity) : "";
  const rates = `${short(rate, 3)}${link.capacity ? ` of ${short(link.capacity, 3)}` : ""}`;
  const told = `${link.what}: ${count(link.count)}\n${short(rate, 6)} ${link.unit}/cycle${link.capacity ? ` of ${short(link.capacity)}, ${share}` : ""}`;
  const group = shape("g", { "data-link": link.id, "data-count": link.count, "data-capacity": link.capacity ?? "" }, shape("title", {}, told));
  if (link.capacity) {
    group.append(shape("line", { class: "rim", ...line, "stroke-width": room(link.capacity) + 2 }), shape("line", { class: "pipe", ...line, "stroke-width": room(link.capacity) }));
  }
  const tip = `${x2},${y2} ${x2 - 12 * dx + 9 * dy},${y2 - 12 * dy + 9 * dx} ${x2 - 12 * dx - 9 * dy},${y2 - 12 * dy - 9 * dx}`;
  group.append(shape("line", { class: "flow", ...line, "stroke-width": full }), shape("polygon", { class: "arrow", points: tip }));
  const beside = { "text-anchor": anchor };
  const below = wide && anchor === "middle";  // the pipe runs between the lines of its text
  group.append(words(x, y, amount(link.count, link.unit), 13, { ...beside, "font-weight": 600 }), words(x, y + (below ? 68 : 18), `${rates} a cycle`, 12, beside));
  if (share) group.append(words(x, y + (below ? 86 : 36), share, 12, beside));
  return group;
}

function diagram(result, layer, wide) {
  const places = PLACES[wide ? "wide" : "narrow"];
  const [width, height] = places.size;
  const figures = layer === null ? result.totals : result.layers[layer];
  const links = linksOf(result, layer).filter((link) => link.count !== null);
  const widest = Math.max(1e-9, ...links.map((link) => Math.max(link.capacity ?? 0, figures.cycles ? link.count / figures.cycles : 0)));
  const picture = shape("svg", { class: "diagram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "The parts of the machine and the traffic between them" });
  picture.append(...links.map((link) => drawLink(link, places, wide, figures.cycles, widest)), ...SLOTS.map((slot) => drawPart(slot, places[slot], result, layer)));
  if (!wide) {
    picture.append(words(55, 1252, "to the global buffer", 12, { class: "quiet" }));
    picture.setAttribute("viewBox", `0 0 ${width} 1262`);
    picture.style.maxWidth = "520px";
  }
  return picture;
}

function chooseLayer(at) {
  state.layer = at;
  showMachine();
  document.getElementById("machine").scrollIntoView({ behavior: "smooth" });
}

function showMachine() {
  const result = theResult();
  const machine = result.context.machine ?? {};
  const options = [`all ${plural(result.layers.length, "layer")}`, ...result.layers.map((layer, at) => `${at + 1} ${layer.name}`)];
  const chosen = state.layer === null ? 0 : state.layer + 1;
  const choose = picker("traffic of", options, chosen, (at) => { state.layer = at ? at - 1 : null; showMachine(); });
  const wide = document.getElementById("machine").clientWidth > 860 || onPaper();
  refill("machine", hint("The outline of a pipe is what it can carry in a cycle, its filling what it carried on average. Point at a part for its parameters."),
    make("div", { class: "controls" }, choose), diagram(result, state.layer, wide),
    machine.follows ? hint(`${machine.name} follows ${machine.follows}.`) : null);
}
