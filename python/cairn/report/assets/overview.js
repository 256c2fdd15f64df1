// The headline: what ran on what, what it took, and the layers to look at first.

// A figure with what it is, and what else is to be said of it; `exact` is the number behind it.
function tile(what, value, more = "", exact = null, bad = false) {
  return make("div", { class: `tile${bad ? " bad" : ""}${value.length > 12 ? " longer" : value.length > 9 ? " long" : ""}`, "data-figure": what, "data-value": exact }, make("div", { class: "what" }, what),
    make("div", { class: "value" }, value), make("div", { class: "more" }, more));
}

// Counts of more digits than can be taken in get a prefix.
const LONG = 1e10;
const brief = (value) => (value < LONG ? count(value) : scaled(value, "").trim());

function outputsTile(context) {
  const agree = context.outputs_agree ?? context.values_agree;
  if (agree === undefined || agree === null) return tile("outputs", "not checked", "a run of timing only computes none");
  const gap = context.max_abs_difference;
  const more = `checked${gap === undefined ? "" : `, largest difference ${short(gap, 3)}`}`;
  return agree ? tile("outputs", "right", more) : tile("outputs", "DIFFER", more, null, true);
}

function tilesOf(result) {
  const { totals, context, layers } = result;
  const tiles = [tile("cycles", count(totals.cycles), plural(layers.length, "layer"), totals.cycles)];
  const clock = context.energy?.clock;
  if (clock) tiles.push(tile("time", scaled(totals.cycles / (clock * 1e6), "s"), `at ${short(clock)} MHz`, totals.cycles / (clock * 1e6)));
  const effective = totals.effective_utilisation;
  const useful = effective === undefined || effective === null;
  tiles.push(useful ? tile("utilisation", percent(totals.utilisation), `of ${plural(multipliersOf(result), "multiplier")}`, totals.utilisation)
    : tile("effective utilisation", percent(effective), `${percent(totals.utilisation)} if zeros count as work`, effective));
  if (totals.energy) {
    const unit = energyUnit(result);
    const share = totals.energy.total ? totals.energy.dynamic / totals.energy.total : 0;
    const power = totals.energy.power ? `, ${scaled(totals.energy.power, "W")}` : "";
    tiles.push(tile("energy", energyText(totals.energy.total, unit), `${percent(share, 0)} of it dynamic${power}`, totals.energy.total));
  }
  tiles.push(tile("buffer traffic (words)", brief(trafficOf(totals)), `${count(totals.buffer_reads)} read, ${count(totals.buffer_writes)} written`, trafficOf(totals)));
  const needed = totals.multiplications >= LONG ? `${count(totals.multiplications)} that the operations need` : "that the operations need";
  const effectively = totals.effective_multiplications ? `${count(totals.effective_multiplications)} of two non-zeros` : needed;
  tiles.push(tile("multiplications", brief(totals.multiplications), effectively, totals.multiplications));
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

// Why a kind of layers is worth a look: what it takes, what bounds it, and what its multipliers wait for.
function reason(result, layers) {
  const cycles = sumOf(layers, (layer) => layer.cycles);
  const useful = sumOf(layers, (layer) => layer.cycles * usefulUtilisation(layer)) / cycles;
  const parts = [`${percent(cycles / result.totals.cycles)} of all cycles at ${percent(useful)} utilisation`];
  const bounds = new Set(layers.map((layer) => layer.bound?.by));
  if (bounds.size === 1 && layers[0].bound) parts.push(BOUND_ADVICE[layers[0].bound.by] ?? `bound by ${layers[0].bound.by}`);
  if (layers.every((layer) => layer.activity?.multiplier)) {
    const counts = addedUp(layers.map((layer) => layer.activity)).multiplier;
    const [most] = largestFirst(Object.keys(STATES).filter((name) => name !== "busy"), (name) => counts[name]);
    const share = counts[most] / sumOf(Object.keys(STATES), (name) => counts[name]);
    if (share >= 0.05) parts.push(`in ${percent(share, 0)} of its cycles a multiplier ${STATES[most]}`);
  }
  return parts.join("; ");
}

// The three kinds of layers that lose most cycles.
function firstLooks(result) {
  const lost = ({ members }) => sumOf(members, (at) => lostCycles(result.layers[at]));
  return largestFirst(kindsOf(result), lost).slice(0, 3).filter((kind) => lost(kind) > 0);
}

const kindText = ({ name, members }) => (members.length > 1 ? `${name} (${count(members.length)} layers, the first is ${members[0] + 1})` : `${members[0] + 1} ${name}`);

function showOverview() {
  const result = theResult();
  const machine = result.context.machine ?? {};
  document.getElementById("subtitle").textContent =
    `${theGroup().name} on ${theLabel()}${machine.summary ? `: ${machine.summary}` : ""}`;
  const looks = firstLooks(result);
  const items = looks.map((kind) => make("li", {}, make("b", {}, kindText(kind)), `: ${reason(result, kind.members.map((at) => result.layers[at]))}.`));
  refill("overview", make("div", { class: "tiles" }, ...tilesOf(result)),
    looks.length ? make("h3", {}, "Look at these layers first") : null,
    looks.length ? hint("They lose the most: cycles times the share of multipliers without useful work.") : null,
    looks.length ? make("ol", { class: "looks" }, ...items) : null,
    (result.notes ?? []).length ? make("h3", {}, "Notes") : null,
    (result.notes ?? []).length ? make("ul", { class: "looks" }, ...result.notes.map((note) => make("li", {}, String(note.message ?? note)))) : null);
}
