// Machines side by side: what the whole costs on each, and which layers gain.

// What the results of a group differ in besides the machine, and what came out of the run.
const OUTCOMES = ["machine", "energy", "outputs_agree", "values_agree", "max_abs_difference"];

function differences(group) {
  const contexts = group.results.map(({ context }) => context);
  const keys = [...new Set(contexts.flatMap(Object.keys))].filter((key) => !OUTCOMES.includes(key));
  return keys.filter((key) => new Set(contexts.map((context) => JSON.stringify(context[key]))).size > 1);
}

// Useful utilisation where the machines share the work: what one has counted holds for all.
function sharedUtilisation(group, totals) {
  if (differences(group).length) return usefulUtilisation(totals);
  const counted = group.results.map((result) => result.totals.effective_multiplications).find((value) => value !== undefined && value !== null);
  if (totals.effective_utilisation !== undefined && totals.effective_utilisation !== null) return totals.effective_utilisation;
  return counted === undefined || !totals.multiplications ? totals.utilisation : (totals.utilisation * counted) / totals.multiplications;
}

function drawMachines(id, group, values, unit, best, write) {
  const at = values.map((_, index) => index);
  const known = values.filter((value) => value !== null);
  const winner = best(...known);
  draw(id, [{
    type: "bar", orientation: "h", y: at, x: values, cliponaxis: false, textposition: "outside", constraintext: "none",
    marker: {
      color: at.map((index) => colour(values[index] === winner ? "bar-strong" : "bar")), line: { width: 0.8, color: colour("muted") },
    },
    text: values.map((value) => (value === null ? " not in the document" : ` ${write(value)}${value === winner && known.length > 1 ? " *" : ""}`)),
    hovertemplate: `%{x:,.6~r} ${plain(unit)}<extra></extra>`,
  }], {
    height: 90 + 34 * values.length, bargap: 0.3, showlegend: false,
    yaxis: { tickvals: at, ticktext: group.labels.map((label) => plain(shorten(label, 30))), autorange: "reversed", showgrid: false },
    xaxis: { title: plain(unit), range: [0, 1.45 * (Math.max(...known, 0) || 1)], exponentformat: "SI", nticks: 5 },
  });
}

function verdict(group) {
  const cycles = group.results.map((result) => result.totals.cycles);
  const order = cycles.map((_, at) => at).sort((a, b) => cycles[a] - cycles[b]);
  const [first, second] = order;
  if (cycles[first] === cycles[second]) return `${group.labels[first]} and ${group.labels[second]} take as many cycles.`;
  const gain = cycles[second] / cycles[first];
  return `${group.labels[first]} is the fastest: ${count(cycles[first])} cycles, ${short(gain, 3)} times as fast as ${group.labels[second]}.`;
}

function drawSpeedups(group, rows) {
  const traces = group.results.slice(1).map((_, index) => {
    const machine = index + 1;
    const [color, symbol] = machineLook(machine);
    const gains = rows.map(({ layers: [base, ...others] }) => (base && others[index]?.cycles ? base.cycles / others[index].cycles : null));
    return {
      type: "scatter", mode: "markers", name: plain(group.labels[machine]), x: rows.map((_, at) => at + 1), y: gains,
      marker: { symbol, color, size: rows.length > 300 ? 5 : 9, line: { width: 0.5, color: colour("card") } },
      text: rows.map(({ name, layers }, at) => `<b>${at + 1} ${plain(shorten(name, 70))}</b><br>${count(layers[machine]?.cycles)} cycles, ${count(layers[0]?.cycles)} on ${plain(group.labels[0])}`),
      hovertemplate: "%{text}<br>%{y:.4~g} times as fast<extra></extra>",
    };
  });
  const known = traces.flatMap((trace) => trace.y).filter((gain) => gain > 0);
  const [low, high] = [Math.min(1, ...known) / 1.3, Math.max(1, ...known) * 1.3];
  draw("compare-layers", traces, {
    height: 400, showlegend: true,
    shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: colour("ink"), width: 1.5, dash: "dash" } }],
    xaxis: layerTicks(rows),
    yaxis: logAxis(`times as fast as ${plain(shorten(group.labels[0], 24))}`, low, high),
  });
}

function showComparison() {
  const group = theGroup();
  if (group.results.length < 2) {
    refill("comparison");
    return;
  }
  const rows = alignedLayers(group);
  const totals = group.results.map((result) => result.totals);
  const shared = rows.some(({ layers }) => layers[0] && layers.slice(1).some(Boolean));
  const place = (title, id) => make("div", {}, make("h3", {}, title), plotPlace(id));
  const energy = totals.some((each) => energyOf(each) !== null);
  const unlike = differences(group);
  refill("comparison", make("p", {}, verdict(group)),
    unlike.length ? make("p", { class: "missing" }, `These results differ in more than the machine: ${unlike.join(", ")}.`) : null,
    make("div", { class: "columns" }, place("Cycles", "compare-cycles"), energy ? place("Energy", "compare-energy") : "", place("Utilisation", "compare-utilisation")),
    energy ? null : missing("energy, to compare it"), hint("*: the best of them."),
    make("h3", {}, "Speed-up by layer"), shared ? plotPlace("compare-layers") : hint("No layer of the first machine has one of the same name on another."));
  drawMachines("compare-cycles", group, totals.map((each) => each.cycles), "cycles", Math.min, count);
  const units = [...new Set(group.results.map(energyUnit))].join(", ");
  if (energy) {
    const [factor, unit] = energyScale(Math.max(...totals.map((each) => energyOf(each) ?? 0)), units);
    const values = totals.map((each) => (energyOf(each) === null ? null : energyOf(each) / factor));
    drawMachines("compare-energy", group, values, unit, Math.min, (value) => `${short(value)} ${unit}`);
  }
  drawMachines("compare-utilisation", group, totals.map((each) => 100 * sharedUtilisation(group, each)), "% of all multipliers and cycles", Math.max, (value) => percent(value / 100));
  if (shared) drawSpeedups(group, rows);
}

// A suite stands beside published figures.
function showSuite() {
  if (!DOCUMENT.models) {
    refill("suite");
    return;
  }
  const row = (tag, cells) => make("tr", {}, ...cells.map((cell, at) => make(tag, { class: at > 1 ? "number" : null }, cell)));
  const lines = DOCUMENT.models.flatMap((model) => model.machines.map((each) => row("td", [
    model.name, each.machine, count(each.cycles), `${each.at_least ? "≥ " : ""}${count(each.paper_cycles)}`, (each.cycles / each.paper_cycles).toFixed(3), percent(each.utilisation)])));
  refill("suite", hint("Cycles of the layers with weights, beside the published ones; ≥: the published bar is cut off."),
    make("div", { class: "scroll", tabindex: 0 }, make("table", {},
      make("thead", {}, row("th", ["model", "machine", "cycles", "published", "ratio", "utilisation"])), make("tbody", {}, ...lines))));
}
