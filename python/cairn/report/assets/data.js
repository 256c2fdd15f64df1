"use strict";
// What the page shows: the documents embedded in it. Every number on the page is one of theirs, or follows from them here.

const DOCUMENT = JSON.parse(document.getElementById("document").textContent);
const PAGE = JSON.parse(document.getElementById("page").textContent);

const SLOTS = ["memory", "distribution", "multiplier", "reduction", "collection", "writeback"];
const SLOT_NAMES = {
  memory: "global buffer", distribution: "distribution network", multiplier: "multipliers",
  reduction: "reduction network", collection: "collection", writeback: "write-back",
};

// The seven things that a unit can do in a cycle.
const STATES = {
  busy: "is at work",
  operand: "waits for an operand",
  port: "waits for a port, line or queue",
  readout: "waits until results of the last tile have left",
  reconfiguring: "waits for the first operands of a round",
  draining: "is done, waits for the others' last results",
  idle: "takes no part in the mapping",
};

// Results of the same work, one a machine, belong together; a suite names such groups itself.
function groupsOf(whole) {
  if (whole.models) return whole.models.map((model) => ({ name: model.name, results: model.comparison.results }));
  const groups = new Map();
  for (const result of whole.results ?? [whole]) {
    const name = String(result.context.target ?? "a run");
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(result);
  }
  return [...groups].map(([name, results]) => ({ name, results }));
}

// Machines of the same name are told apart by the files that their results came from, else by their place.
function labelled(group) {
  const names = group.results.map((result) => String(result.context.machine?.name ?? "machine"));
  const all = DOCUMENT.results ?? [];
  const labels = names.map((name, at) => {
    if (names.indexOf(name) === names.lastIndexOf(name)) return name;
    return `${name} (${PAGE.sources[all.indexOf(group.results[at])] ?? "result"})`;
  });
  const unlike = labels.map((label, at) => (labels.indexOf(label) < at ? `${label} #${at + 1}` : label));
  return { ...group, labels: unlike };
}

const GROUPS = groupsOf(DOCUMENT).map(labelled);

// What is looked at: one group, one machine of it, and in the diagram one layer, or null for all of them.
const state = { group: 0, machine: 0, layer: null };
const theGroup = () => GROUPS[state.group];
const theResult = () => theGroup().results[state.machine];
const theLabel = () => theGroup().labels[state.machine];

function multipliersOf(result) {
  const part = result.context.machine?.parts?.multiplier ?? {};
  return part.multipliers ?? (part.rows ?? 0) * (part.columns ?? 0);
}

const trafficOf = (counts) => counts.buffer_reads + counts.buffer_writes;
const energyOf = (counts) => counts.energy?.total ?? null;
const energyUnit = (result) => result.context.energy?.unit ?? "unit of the table";

// The utilisation by useful work: of two non-zeros where the machine has counted them.
const usefulUtilisation = (counts) => counts.effective_utilisation ?? counts.utilisation;

// Where a layer stands in the roofline; older documents do not say, but have what it follows from.
function rooflineOf(layer, result) {
  if (layer.roofline) return layer.roofline;
  const words = trafficOf(layer);
  return {
    intensity: words ? layer.multiplications / words : null,
    performance: layer.cycles ? layer.multiplications / layer.cycles : null,
    peak: multipliersOf(result) || null,
    bandwidth: null,
  };
}

// Counters of a layer, or of all layers together: slot -> counter -> number.
function countersOf(result, layer) {
  if (layer !== null) return result.layers[layer].counters ?? {};
  const sums = {};
  for (const { counters } of result.layers) {
    for (const [slot, counts] of Object.entries(counters ?? {})) {
      sums[slot] ??= {};
      for (const [name, count] of Object.entries(counts)) sums[slot][name] = (sums[slot][name] ?? 0) + count;
    }
  }
  return sums;
}

// Layers of all machines of a group, aligned by name: the n-th of a name meets the n-th.
function alignedLayers(group) {
  const rows = new Map();
  group.results.forEach((result, machine) => {
    const seen = new Map();
    result.layers.forEach((layer) => {
      const times = (seen.get(layer.name) ?? 0) + 1;
      seen.set(layer.name, times);
      const key = JSON.stringify([layer.name, times]);
      if (!rows.has(key)) rows.set(key, { name: layer.name, layers: group.results.map(() => null) });
      rows.get(key).layers[machine] = layer;
    });
  });
  return [...rows.values()];
}

// Layers alike have the same operation and sizes, and names that differ in nothing but numbers: those of a repeated block.
// A kind is named by what the names share, with a star for each number that differs.
const kindsFound = new WeakMap();

function kindsOf(result) {
  if (kindsFound.has(result)) return kindsFound.get(result);
  const kinds = new Map();
  result.layers.forEach((layer, at) => {
    const key = JSON.stringify([layer.name.replace(/\d+/g, "*"), layer.operation, layer.sizes]);
    if (!kinds.has(key)) kinds.set(key, []);
    kinds.get(key).push(at);
  });
  const found = [...kinds.values()].map((members) => ({ members, name: sharedName(members.map((at) => result.layers[at].name)) }));
  kindsFound.set(result, found);
  return found;
}

function sharedName(names) {
  const numbers = names.map((name) => name.match(/\d+/g) ?? []);
  let place = -1;
  return names[0].replace(/\d+/g, (first) => {
    place += 1;
    return numbers.every((each) => each[place] === first) ? first : "*";
  });
}

// The members of a list in order of a value, the largest first; equal ones stay in their order.
const largestFirst = (list, value) => [...list].sort((a, b) => (value(b) ?? 0) - (value(a) ?? 0));
const sumOf = (list, value) => list.reduce((sum, each) => sum + (value(each) ?? 0), 0);
