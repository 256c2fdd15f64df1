// Energy and area by part.

function drawParts(id, parts, traces, unit) {
  const at = parts.map((_, index) => index);
  draw(id, traces.map(([name, values, marker]) => ({
    type: "bar", orientation: "h", name, y: at, x: values, marker: { line: { width: 0.6, color: colour("muted") }, ...marker },
    hovertemplate: `%{x:,.6~r} ${plain(unit)}<extra>${plain(name)}</extra>`,
  })), {
    barmode: "stack", height: 130 + 30 * parts.length, bargap: 0.28, showlegend: traces.length > 1,
    yaxis: { tickvals: at, ticktext: parts.map((part) => plain(SLOT_NAMES[part] ?? part)), autorange: "reversed", showgrid: false },
    xaxis: { title: plain(unit), rangemode: "tozero", exponentformat: "SI", nticks: 6 },
  });
}

const partsInOrder = (parts) => [...SLOTS.filter((slot) => slot in parts), ...Object.keys(parts).filter((slot) => !SLOTS.includes(slot))];

function showEnergy() {
  const { totals, context, area } = theResult();
  const parts = totals.energy?.parts;
  if (!totals.energy && !area) {
    refill("energy", missing("energy and area"));
    return;
  }
  const unit = energyUnit(theResult());
  const about = context.energy ?? {};
  const source = ["table", "node", "datatype", "source", "note"].filter((key) => about[key]).map((key) => `${key} ${about[key]}`).join(", ");
  const energy = parts && make("div", {}, make("h3", {}, `Energy: ${energyText(totals.energy.total, unit)}`), plotPlace("energy-parts"));
  const space = area && make("div", {}, make("h3", {}, `Area: ${short(area.total / areaScale(area.total, area.unit)[0])} ${areaScale(area.total, area.unit)[1]}`), plotPlace("area-parts"));
  refill("energy", source ? hint(`From ${source}${about.clock ? `, at ${short(about.clock)} MHz` : ""}.`) : null,
    make("div", { class: "columns" }, energy ?? "", space ?? ""), energy ? null : missing("energy"), space ? null : missing("area"));
  if (energy) {
    const names = partsInOrder(parts);
    const [factor, shownUnit] = energyScale(Math.max(...names.map((name) => parts[name].dynamic + parts[name].static)), unit);
    drawParts("energy-parts", names, [
      ["dynamic: by what was done", names.map((name) => parts[name].dynamic / factor), { color: colour("bar-strong") }],
      ["static: by time", names.map((name) => parts[name].static / factor), { color: colour("idle"), pattern: { shape: "/", fgcolor: colour("muted"), size: 7, solidity: 0.25 } }],
    ], shownUnit);
  }
  if (space) {
    const names = partsInOrder(area.parts ?? {});
    const [factor, shownUnit] = areaScale(area.total, area.unit);
    drawParts("area-parts", names, [["area", names.map((name) => area.parts[name] / factor), { color: colour("bar") }]], shownUnit);
  }
}
