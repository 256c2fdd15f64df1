// The headline: what ran on what, what it took, and the layers to look at first.

function tile(what, value, more = "", bad = false) {
  return make("div", { class: bad ? "tile bad" : "tile" }, make("div", { class: "what" }, what),
    make("div", { class: "value" }, value), make("div", { class: "more" }, more));
}

function outputsTile(context) {
  const agree = context.outputs_agree ?? context.values_agree;
  if (agree === undefined || agree === null) return tile("values", "not checked", "a run of timing only computes none");
  const gap = context.max_abs_difference;
  const more = gap === undefined ? "held against a reference" : `largest difference ${short(gap, 3)}`;
  return agree ? tile("values", "checked, right", more) : tile("values", "DIFFER", more, true);
}

function tilesOf(result) {
  const { totals, context, layers } = result;
  const tiles = [tile("cycles", count(totals.cycles), plural(layers.length, "layer"))];
  const clock = context.energy?.clock;
  if (clock) tiles.push(tile("time", scaled(totals.cycles / (clock * 1e6), "s"), `at ${short(clock)} MHz`));
  const effective = totals.effective_utilisation;
  const useful = effective === undefined || effective === null;
  tiles.push(useful ? tile("utilisation", percent(totals.utilisation), `of ${plural(multipliersOf(result), "multiplier")}`)
    : tile("effective utilisation", percent(effective), `${percent(totals.utilisation)} if zeros count as work`));
  if (totals.energy) {
    const unit = energyUnit(result);
    const share = totals.energy.total ? totals.energy.dynamic / totals.energy.total : 0;
    const power = totals.energy.power ? `, ${scaled(totals.energy.power, "W")}` : "";
    tiles.push(tile("energy", energyText(totals.energy.total, unit), `${percent(share, 0)} of it dynamic${power}`));
  }
  tiles.push(tile("buffer traffic", `${count(trafficOf(totals))} words`, `${count(totals.buffer_reads)} read, ${count(totals.buffer_writes)} written`));
  tiles.push(tile("multiplications", count(totals.multiplications),
    totals.effective_multiplications ? `${count(totals.effective_multiplications)} of two non-zeros` : "that the operations need"));
  return [...tiles, outputsTile(context)];
}

const BOUND_ADVICE = {
  compute: "the multipliers themselves are the limit",
  distribution: "the distribution network is the limit: operands come too slowly",
  collection: "collection is the limit: results wait for a line",
  writeback: "the write-back is the limit: results wait to be stored",
  drain: "filling and draining the rounds is the limit",
};

// Cycles that the layer would not need if all multipliers did useful work in all of them.
const lostCycles = (layer) => layer.cycles * (1 - Math.min(1, usefulUtilisation(layer)));

function reason(result, layer) {
  const parts = [`${percent(layer.cycles / result.totals.cycles)} of all cycles at ${percent(usefulUtilisation(layer))} utilisation`];
  if (layer.bound) parts.push(BOUND_ADVICE[layer.bound.by] ?? `bound by ${layer.bound.by}`);
  const counts = layer.activity?.multiplier;
  if (counts) {
    const waits = Object.keys(STATES).filter((name) => name !== "busy");
    const most = waits.reduce((best, name) => (counts[name] > counts[best] ? name : best));
    const share = counts[most] / (counts.units * layer.cycles);
    if (share >= 0.05) parts.push(`of all multiplier cycles ${percent(share, 0)} "${STATES[most]}"`);
  }
  return parts.join("; ");
}

function firstLooks(result) {
  return largestFirst(result.layers, lostCycles).slice(0, 3).filter((at) => lostCycles(result.layers[at]) > 0);
}

function showOverview() {
  const result = theResult();
  const machine = result.context.machine ?? {};
  document.getElementById("subtitle").textContent =
    `${theGroup().name} on ${theLabel()}${machine.summary ? `: ${machine.summary}` : ""}`;
  const looks = firstLooks(result);
  const items = looks.map((at) => make("li", {}, make("b", {}, `${at + 1} ${result.layers[at].name}`), `: ${reason(result, result.layers[at])}.`));
  refill("overview", make("div", { class: "tiles" }, ...tilesOf(result)),
    looks.length ? make("h3", {}, "Look at these layers first") : null,
    looks.length ? hint("They lose the most: cycles times the share of multipliers without useful work.") : null,
    looks.length ? make("ol", { class: "looks" }, ...items) : null,
    (result.notes ?? []).length ? make("h3", {}, "Notes") : null,
    (result.notes ?? []).length ? make("ul", { class: "looks" }, ...result.notes.map((note) => make("li", {}, String(note.message ?? note)))) : null);
}
