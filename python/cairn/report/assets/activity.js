// Where the cycles went: what the units of each part did in each cycle.

const ACTIVITY_LAYERS = 24;
let activitySlot = "multiplier";
let activityNorm = "percent";

// Unit-cycles by slot and state, of the whole run.
function activityOf(result, layer) {
  if (layer !== null) return result.layers[layer].activity ?? null;
  if (result.totals.activity) return result.totals.activity;
  if (!result.layers.length || !result.layers.every((each) => each.activity)) return null;
  return addedUp(result.layers.map((each) => each.activity));
}

function addedUp(many) {
  const sums = {};
  for (const slots of many) {
    for (const [slot, counts] of Object.entries(slots)) {
      sums[slot] ??= { units: counts.units, unit: counts.unit, ...Object.fromEntries(Object.keys(STATES).map((name) => [name, 0])) };
      for (const name of Object.keys(STATES)) sums[slot][name] += counts[name] ?? 0;
    }
  }
  return sums;
}

// Stacked bars, a trace a state: each row has a name, the counts of its units, and facts to show.
function drawStates(id, rows, norm) {
  const at = rows.map((_, index) => index);
  const sums = rows.map(({ counts }) => sumOf(Object.keys(STATES), (name) => counts[name]));
  const traces = Object.entries(STATES).map(([name, words]) => ({
    type: "bar", orientation: "h", name: words, meta: name, y: at, x: rows.map(({ counts }) => counts[name]), marker: stateMarker(name),
    customdata: rows.map(({ counts, facts }, index) => `${facts}<br>${words}: ${percent(sums[index] ? counts[name] / sums[index] : 0)}, ${count(counts[name])} unit-cycles`),
    hovertemplate: "%{customdata}<extra></extra>",
  }));
  draw(id, traces, {
    barmode: "stack", barnorm: norm, bargap: 0.28, height: (narrowPage() ? 270 : 150) + (rows[0]?.name.includes("<br>") ? 38 : 27) * rows.length,
    yaxis: { tickvals: at, ticktext: rows.map((row) => row.name), autorange: "reversed", showgrid: false },
    xaxis: norm ? { title: "share of unit-cycles (%)", range: [0, 100] } : { title: "unit-cycles", rangemode: "tozero", exponentformat: "SI" },
  });
}

function slotRows(slots) {
  return SLOTS.filter((slot) => slots[slot]).map((slot) => {
    const units = `${count(slots[slot].units)} ${slots[slot].unit}`;
    return { counts: slots[slot], name: `${SLOT_NAMES[slot]}<br><span style="font-size:11px">${plain(units)}</span>`, facts: `<b>${SLOT_NAMES[slot]}</b>, ${plain(units)}` };
  });
}

// A row a layer; of many layers the kinds with most cycles. The others are one row, which would dwarf all else but as shares.
function layerRows(result, slot) {
  const { layers } = result;
  const many = layers.length > NAMED_LAYERS;
  const cycles = ({ members }) => sumOf(members, (at) => layers[at].cycles);
  const kinds = asKinds(result, many).filter(({ members }) => members.every((at) => layers[at].activity?.[slot]));
  const order = many ? largestFirst(kinds, cycles) : kinds;
  const shown = many ? order.slice(0, ACTIVITY_LAYERS) : order;
  const counts = ({ members }) => addedUp(members.map((at) => layers[at].activity))[slot];
  const rows = shown.map((kind) => ({ name: kindLabel(kind, narrowPage() ? 14 : 32), counts: counts(kind), facts: kindFacts(kind, result) }));
  const rest = { members: order.slice(shown.length).flatMap(({ members }) => members) };
  const words = `the other ${plural(rest.members.length, "layer")}`;
  return rest.members.length && activityNorm ? [...rows, { name: words, counts: counts(rest), facts: words }] : rows;
}

function showActivity() {
  const result = theResult();
  const slots = activityOf(result, null);
  if (!slots) {
    refill("activity", missing("what each part did in each cycle"));
    return;
  }
  if (!slots[activitySlot]) activitySlot = "multiplier";
  const order = result.layers.length > NAMED_LAYERS ? "those with most cycles first, layers alike together" : "in order";
  const names = Object.fromEntries(SLOTS.filter((slot) => slots[slot]).map((slot) => [slot, SLOT_NAMES[slot]]));
  refill("activity",
    hint("One unit for one cycle is a unit-cycle. Each is at work, stalled, waiting or idle; the shares of a bar add up to all cycles of all units."),
    make("h3", {}, "All layers, by part"), plotPlace("activity-parts"),
    make("h3", {}, `By layer, ${order}`),
    make("div", { class: "controls" },
      choices("part", names, activitySlot, (key) => { activitySlot = key; showActivity(); }),
      choices("bars show", { percent: "shares", "": "unit-cycles" }, activityNorm, (key) => { activityNorm = key; showActivity(); })),
    plotPlace("activity-layers"));
  drawStates("activity-parts", slotRows(slots), "percent");
  drawStates("activity-layers", layerRows(result, activitySlot), activityNorm);
}
