// Layers by what they cost: in their order, and the largest first.

const LARGEST = 20;
const layerChoice = { metric: "cycles", together: null };

function layerMetrics(result) {
  const metrics = { cycles: { name: "cycles", unit: "", of: (layer) => layer.cycles } };
  if (result.layers.some((layer) => energyOf(layer) !== null)) {
    const [factor, unit] = energyScale(Math.max(...result.layers.map((layer) => energyOf(layer) ?? 0)), energyUnit(result));
    metrics.energy = { name: "energy", unit, of: (layer) => (energyOf(layer) ?? 0) / factor };
  }
  metrics.traffic = { name: "buffer traffic", unit: "words", of: trafficOf };
  metrics.multiplications = { name: "multiplications", unit: "", of: (layer) => layer.multiplications };
  return metrics;
}

const metricTitle = ({ name, unit }) => plain(unit ? `${name} (${unit})` : name);

// The members of the kinds to look at first are dark.
const markedLayers = (result) => new Set(firstLooks(result).flatMap((kind) => kind.members));

function drawInOrder(result, metric) {
  const { layers } = result;
  const marked = markedLayers(result);
  const [strong, other] = [colour("bar-strong"), colour("bar")];
  const drawn = draw("layers-order", [{
    type: "bar", x: layers.map((_, at) => at + 1), y: layers.map(metric.of),
    marker: { color: layers.map((_, at) => (marked.has(at) ? strong : other)), line: { width: 0 } },
    text: layers.map(layerFacts), textposition: "none", hovertemplate: `%{text}<br>%{y:,.6~r} ${plain(metric.unit || metric.name)}<extra></extra>`,
  }], {
    height: layers.length > NAMED_LAYERS ? 300 : 380, bargap: layers.length > 200 ? 0 : 0.15, showlegend: false,
    xaxis: layerTicks(layers), yaxis: { title: metricTitle(metric), rangemode: "tozero", exponentformat: "SI" },
  });
  drawn.then((figure) => {
    figure.removeAllListeners("plotly_click");
    figure.on("plotly_click", (event) => chooseLayer(event.points[0].x - 1));
  });
}

// Kinds of layers, or each layer as a kind of its own.
const asKinds = (result, together) => (together ? kindsOf(result) : result.layers.map(({ name }, at) => ({ name, members: [at] })));

function kindFacts({ name, members }, result) {
  if (members.length === 1) return layerFacts(result.layers[members[0]], members[0]);
  return `<b>${plain(shorten(name, 70))}</b><br>${count(members.length)} layers, each ${plain(result.layers[members[0]].operation)} ${plain(sizesText(result.layers[members[0]]))}`;
}

// A label beside a bar: the number of a layer, or how many are alike.
const kindLabel = ({ name, members }, width) => `${plain(shorten(name, width))} <b>${members.length > 1 ? `${count(members.length)}×` : members[0] + 1}</b>`;

function drawLargest(result, metric, together) {
  const of = ({ members }) => sumOf(members, (at) => metric.of(result.layers[at]));
  const order = largestFirst(asKinds(result, together), of);
  const shown = order.slice(0, LARGEST);
  const total = sumOf(order, of);
  const marked = markedLayers(result);
  const at = shown.map((_, index) => index);
  draw("layers-largest", [{
    type: "bar", orientation: "h", y: at, x: shown.map(of), marker: { color: shown.map(({ members }) => colour(marked.has(members[0]) ? "bar-strong" : "bar")) },
    text: shown.map((kind) => ` ${percent(total ? of(kind) / total : 0)}`), textposition: "outside", cliponaxis: false, constraintext: "none",
    customdata: shown.map((kind) => kindFacts(kind, result)), hovertemplate: `%{customdata}<br>%{x:,.6~r} ${plain(metric.unit || metric.name)}<extra></extra>`,
  }], {
    height: 80 + 25 * shown.length, bargap: 0.25, showlegend: false,
    yaxis: { tickvals: at, ticktext: shown.map((kind) => kindLabel(kind, narrowPage() ? 16 : 36)), autorange: "reversed", showgrid: false },
    xaxis: { title: metricTitle(metric), range: [0, (narrowPage() ? 1.35 : 1.12) * (of(shown[0] ?? { members: [] }) || 1)], exponentformat: "SI", nticks: narrowPage() ? 4 : 8 },
  });
  const rest = order.slice(LARGEST);
  const others = rest.length ? `The other ${count(rest.length)} together: ${percent(total ? sumOf(rest, of) / total : 0)}.` : "";
  return `${concentration(order, of, total, together, metric)} ${others}`.trim();
}

// How few make most of it.
function concentration(order, of, total, together, metric) {
  let [sum, few] = [0, 0];
  while (few < order.length && sum < 0.8 * total) sum += of(order[few++]);
  if (!total || order.length < 3) return "";
  return `${few} of ${count(order.length)} ${together ? "kinds of layers" : "layers"} make ${percent(sum / total, 0)} of the ${metric.name}.`;
}

function showLayers() {
  const result = theResult();
  const metrics = layerMetrics(result);
  if (!metrics[layerChoice.metric]) layerChoice.metric = "cycles";
  const metric = metrics[layerChoice.metric];
  const names = Object.fromEntries(Object.entries(metrics).map(([key, each]) => [key, each.name]));
  const alike = kindsOf(result).length < result.layers.length;
  const together = alike && (layerChoice.together ?? result.layers.length > NAMED_LAYERS);
  const choose = (change) => { Object.assign(layerChoice, change); showLayers(); };
  const told = hint("");
  refill("layers",
    make("div", { class: "controls" }, choices("bars show", names, layerChoice.metric, (key) => choose({ metric: key }))),
    hint("The bars that stand out are the layers to look at first. Click a bar to see its traffic in the diagram below."),
    make("h3", {}, "In order"), plotPlace("layers-order"),
    make("h3", {}, "Largest first"),
    alike ? make("div", { class: "controls" }, choices("a bar is", { single: "a layer", alike: "all layers alike" }, together ? "alike" : "single", (key) => choose({ together: key === "alike" }))) : null,
    told, plotPlace("layers-largest"), metrics.energy ? null : missing("energy by layer"));
  drawInOrder(result, metric);
  told.textContent = drawLargest(result, metric, together);
}
