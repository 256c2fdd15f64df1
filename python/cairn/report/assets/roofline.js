// The roofline: how near each layer comes to what multipliers and ports allow.

const BOUND_LOOKS = {
  compute: ["circle", "#1f4e8c"], distribution: ["triangle-up", "#e39b2d"], collection: ["square", "#5aa08a"],
  writeback: ["diamond", "#c9544f"], drain: ["x", "#6f7680"],
};
const UNKNOWN_BOUND = "of this machine";
const NUMBERED_POINTS = 6;

function rooflinePoints(result) {
  return result.layers.map((layer, at) => ({ at, layer, ...rooflineOf(layer, result), by: layer.bound?.by ?? UNKNOWN_BOUND }))
    .filter((point) => point.intensity > 0 && point.performance > 0);
}

function ceilings(points, low, high) {
  const { peak, bandwidth } = points.find((point) => point.bandwidth) ?? points[0];
  const line = { type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: colour("ink"), width: 2 } };
  const traces = [];
  const ridge = bandwidth ? peak / bandwidth : low;
  if (peak) traces.push({ ...line, name: `ceiling: ${plural(peak, "multiplier")}`, meta: "peak", x: [Math.max(low, ridge), high], y: [peak, peak] });
  if (bandwidth) {
    const from = Math.min(low, ridge);
    traces.push({ ...line, name: `ceiling: ${short(bandwidth)} words a cycle at the ports`, meta: "bandwidth",
      line: { ...line.line, dash: "dash" }, x: [from, ridge], y: [from * bandwidth, peak] });
  }
  return traces;
}

const markSize = (point, cycles) => 7 + 26 * Math.sqrt(cycles ? point.layer.cycles / cycles : 0);

// The numbers of the points with most cycles, but of none beside another that has its own.
function numberTrace(points, cycles, spans) {
  const room = narrowPage() ? 0.09 : 0.04;  // of the height and the width of the figure
  const near = (one, other) => Object.entries(spans).every(([axis, span]) => Math.abs(Math.log10(one[axis] / other[axis])) < room * span);
  const chosen = [];
  for (const point of largestFirst(points, ({ layer }) => layer.cycles)) {
    if (chosen.length < NUMBERED_POINTS && !chosen.some((other) => near(point, other))) chosen.push(point);
  }
  return {
    type: "scatter", mode: "markers+text", meta: "numbers", showlegend: false, hoverinfo: "skip", x: chosen.map((point) => point.intensity),
    y: chosen.map((point) => point.performance), text: chosen.map(({ at }) => String(at + 1)), textposition: "top center", cliponaxis: false,
    marker: { color: "rgba(0,0,0,0)", size: chosen.map((point) => markSize(point, cycles)) },  // what the text keeps clear of
  };
}

function pointTraces(points, cycles) {
  const kinds = [...Object.keys(BOUND_LOOKS), UNKNOWN_BOUND].filter((by) => points.some((point) => point.by === by));
  return kinds.map((by) => {
    const mine = points.filter((point) => point.by === by);
    const [symbol, fill] = BOUND_LOOKS[by] ?? ["circle", colour("bar")];
    return {
      type: "scatter", mode: "markers", name: by === UNKNOWN_BOUND ? `layers ${by}` : `bound by ${by}`, meta: by,
      x: mine.map((point) => point.intensity), y: mine.map((point) => point.performance), customdata: mine.map((point) => point.at),
      text: mine.map((point) => layerFacts(point.layer, point.at)),
      hovertemplate: "%{text}<br>%{x:.4~g} multiplications a word<br>%{y:.4~g} multiplications a cycle<extra></extra>",
      marker: {
        symbol, color: fill, opacity: 0.8, line: { width: 0.8, color: colour("card") },
        size: mine.map((point) => markSize(point, cycles)),
      },
    };
  });
}

function showRoofline() {
  const result = theResult();
  const points = rooflinePoints(result);
  if (!points.length) {
    refill("roofline", missing("layers with multiplications and buffer traffic"));
    return;
  }
  const places = points.map((point) => point.intensity);
  const { peak, bandwidth } = points.find((point) => point.bandwidth) ?? points[0];
  const ridge = bandwidth && peak ? [peak / bandwidth] : [];
  const [low, high] = [Math.min(...places, ...ridge) / 2, Math.max(...places, ...ridge) * 2];
  const heights = [...points.map((point) => point.performance), ...(peak ? [peak] : [])];
  const key = `Each mark is a layer, larger with more cycles; those with most have their numbers.`;
  const sparse = result.layers.some((layer) => layer.effective_multiplications);
  refill("roofline",
    hint(`${key} A layer far below both lines is held back by something else than multipliers or ports.${sparse
      ? " Multiplications by zero count as work here, so a machine that leaves them out can pass the ceiling." : ""}`),
    plotPlace("roofline-plot"),
    bandwidth ? null : missing("how many words its ports move in a cycle, so the slanted ceiling is absent"));
  const [bottom, top] = [Math.min(...heights) / 2, Math.max(...heights) * 2];
  const spans = { intensity: Math.log10(high / low), performance: Math.log10(top / bottom) };
  draw("roofline-plot", [...ceilings(points, low, high), ...pointTraces(points, result.totals.cycles), numberTrace(points, result.totals.cycles, spans)], {
    height: 480, legend: { itemsizing: "constant" },
    xaxis: logAxis("multiplications a word of buffer traffic", low, high), yaxis: logAxis("multiplications a cycle", bottom, top),
  });
}
