// Layers by what they cost: in their order, and the largest first.

const LARGEST = 20;
let layerMetric = "cycles";

function layerMetrics(result) {
  const metrics = { cycles: { name: "cycles", unit: "cycles", of: (layer) => layer.cycles } };
  if (result.layers.some((layer) => energyOf(layer) !== null)) metrics.energy = { name: "energy", unit: energyUnit(result), of: energyOf };
  metrics.traffic = { name: "buffer traffic", unit: "words", of: trafficOf };
  metrics.multiplications = { name: "multiplications", unit: "multiplications", of: (layer) => layer.multiplications };
  return metrics;
}

function barColours(layers) {
  const marked = new Set(firstLooks(theResult()));
  return layers.map((at) => colour(marked.has(at) ? "bar-strong" : "bar"));
}

function drawInOrder(result, metric) {
  const { layers } = result;
  const all = layers.map((_, at) => at);
  const place = draw("layers-order", [{
    type: "bar", x: all.map((at) => at + 1), y: layers.map(metric.of), marker: { color: barColours(all), line: { width: 0 } },
    text: layers.map(layerFacts), textposition: "none", hovertemplate: `%{text}<br>%{y:,.6~r} ${plain(metric.unit)}<extra></extra>`,
  }], {
    height: 330, bargap: layers.length > 200 ? 0 : 0.15, showlegend: false,
    xaxis: layerTicks(layers), yaxis: { title: `${metric.name} (${plain(metric.unit)})`, rangemode: "tozero", exponentformat: "SI" },
  });
  place.then((figure) => {
    figure.removeAllListeners?.("plotly_click");
    figure.on("plotly_click", (event) => chooseLayer(event.points[0].x - 1));
  });
}

function drawLargest(result, metric) {
  const order = largestFirst(result.layers, metric.of);
  const shown = order.slice(0, LARGEST);
  const rest = order.slice(LARGEST);
  const sum = (list) => list.reduce((total, at) => total + (metric.of(result.layers[at]) ?? 0), 0);
  const total = sum(order);
  const names = shown.map((at) => `${plain(shorten(result.layers[at].name, 34))} <b>${at + 1}</b>`);
  const values = shown.map((at) => metric.of(result.layers[at]));
  const colours = barColours(shown);
  const facts = shown.map((at) => layerFacts(result.layers[at], at));
  if (rest.length) {
    names.push(`the other ${plural(rest.length, "layer")}`);
    values.push(sum(rest));
    colours.push(colour("idle"));
    facts.push(`the other ${plural(rest.length, "layer")} together`);
  }
  const at = names.map((_, index) => index);
  draw("layers-largest", [{
    type: "bar", orientation: "h", y: at, x: values, marker: { color: colours, line: { width: 0.8, color: colour("muted") } },
    text: values.map((value) => ` ${percent(total ? value / total : 0)}`), textposition: "auto", cliponaxis: false, constraintext: "none",
    insidetextanchor: "end", outsidetextfont: { color: colour("ink") },
    customdata: facts, hovertemplate: `%{customdata}<br>%{x:,.6~r} ${plain(metric.unit)}<extra></extra>`,
  }], {
    height: 70 + 25 * names.length, bargap: 0.25, showlegend: false,
    yaxis: { tickvals: at, ticktext: names, autorange: "reversed", showgrid: false },
    xaxis: { title: `${metric.name} (${plain(metric.unit)})`, rangemode: "tozero", exponentformat: "SI", nticks: 7 },
  });
  return { order, total };
}

// How few layers make most of it.
function concentration({ order, total }, result, metric) {
  let [sum, few] = [0, 0];
  while (few < order.length && sum < 0.8 * total) sum += metric.of(result.layers[order[few++]]) ?? 0;
  if (!total || order.length < 3) return "";
  return `${few} of ${plural(order.length, "layer")} take ${percent(sum / total, 0)} of the ${metric.name}.`;
}

function showLayers() {
  const result = theResult();
  const metrics = layerMetrics(result);
  if (!metrics[layerMetric]) layerMetric = "cycles";
  const metric = metrics[layerMetric];
  const names = Object.fromEntries(Object.entries(metrics).map(([key, each]) => [key, each.name]));
  const told = hint("");
  refill("layers",
    make("div", { class: "controls" }, choices("bars show", names, layerMetric, (key) => { layerMetric = key; showLayers(); })),
    told, make("h3", {}, "In order"), plotPlace("layers-order"),
    make("h3", {}, "Largest first"), plotPlace("layers-largest"),
    metrics.energy ? null : hint("Energy by layer: this document holds none."));
  drawInOrder(result, metric);
  told.textContent = [concentration(drawLargest(result, metric), result, metric),
    "Dark bars are the layers to look at first. Click a bar to see its traffic in the diagram below."].join(" ").trim();
}
