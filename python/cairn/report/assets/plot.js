// What all figures share: colours of the page, patterns that stay apart in grey, sizes of text.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// The ends of the list are solid, dark and light; between them hatching tells the states apart without colour.
const STATE_LOOKS = {
  busy: ["#1f4e8c", "", "#1f4e8c"],
  operand: ["#f2b04b", "/", "#6b4100"],
  port: ["#d95f4c", "\\", "#4f120a"],
  readout: ["#8fc1a9", "x", "#1d5640"],
  reconfiguring: ["#d2c0e6", ".", "#47296f"],
  draining: ["#9ad0e6", "-", "#14506a"],
  idle: [null, "", null],
};

function stateMarker(name) {
  const [back, shape, front] = STATE_LOOKS[name];
  const base = back ?? colour("idle");
  return {
    color: base,
    pattern: { shape, bgcolor: base, fgcolor: front ?? base, size: 7, solidity: 0.3 },
    line: { width: 0.6, color: colour("card") },
  };
}

// One machine after the other, told apart by shape, hatching and lightness.
const MACHINE_LOOKS = [
  ["#1f4e8c", "circle", ""], ["#e39b2d", "diamond", "/"], ["#5aa08a", "square", "x"],
  ["#c9544f", "triangle-up", "\\"], ["#8f7cc0", "cross", "."], ["#7d8791", "star", "-"],
];
const machineLook = (at) => MACHINE_LOOKS[at % MACHINE_LOOKS.length];

// Draw a figure in the place of this id. Texts of the figure never leave its frame: axes make room for their labels.
function draw(id, traces, layout = {}) {
  const axis = (more = {}) => ({
    gridcolor: colour("line"), linecolor: colour("muted"), zerolinecolor: colour("muted"), automargin: true, separatethousands: true, tickcolor: colour("muted"),
    ...more, title: more.title ? { text: more.title, standoff: 10, font: { size: narrowPage() ? 11 : 13 } } : undefined,
  });
  // Rows of bars have no zero line: their places are no quantity.
  const { xaxis, yaxis, legend, ...rest } = layout;
  return Plotly.react(id, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("ink") },
    margin: { l: 10, r: 14, t: 12, b: 10 }, height: 320, hoverlabel: { align: "left" }, separators: ".,",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("ink"), orientation: "v" },
    ...rest, xaxis: axis(xaxis), yaxis: axis({ zeroline: !yaxis?.autorange, ...yaxis }),
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", traceorder: "normal", ...legend },
  }, { displaylogo: false, responsive: true, modeBarButtons: [["toImage", "resetScale2d"]] });
}

// A logarithmic axis from low to high, with numbers that can be read: 1, 2, 5 in each decade, or decades if there are many.
function logAxis(title, low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = high / low < 1000 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let decade = first; decade <= last; decade += 1) ticks.push(...steps.map((step) => step * 10 ** decade));
  return { type: "log", title, range: [Math.log10(low), Math.log10(high)], tickvals: ticks, ticktext: ticks.map((tick) => (tick >= 1e5 ? scaled(tick, "").trim() : short(tick))) };
}

// Ticks of an axis of layers: names while they have room, numbers where they have not.
const NAMED_LAYERS = 40;

function layerTicks(layers, width = 26) {
  if (layers.length > NAMED_LAYERS) return { title: "layer, by its number", tickformat: ",d", range: [0, layers.length + 1] };
  const at = layers.map((_, index) => index + 1);
  return { tickvals: at, ticktext: layers.map((layer) => plain(shorten(layer.name, width))), tickangle: layers.length > 6 ? -40 : 0 };
}

const layerFacts = (layer, at) =>
  `<b>${at + 1} ${plain(shorten(layer.name, 70))}</b><br>${plain(layer.operation)} ${plain(sizesText(layer))}` +
  `<br>${plural(layer.cycles, "cycle")}, ${percent(usefulUtilisation(layer))} utilisation`;
