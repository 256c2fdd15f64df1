// Numbers and names as text, and elements of the page.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

const count = (value) => (value === null || value === undefined ? "-" : whole.format(value));

// A number of any size in about four digits.
function short(value, digits = 4) {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e15 || size < 1e-3) return value.toExponential(2);
  if (size >= 1000 && Number.isInteger(value)) return whole.format(value);
  return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
}

// A quantity with the prefix that makes it short: 0.0123 s is 12.3 ms.
function scaled(value, unit) {
  const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
  const [factor, prefix] = prefixes.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  return `${short(value / factor, 3)} ${prefix}${unit}`;
}

// Energy is kept in pJ where it is known; a table without a unit keeps its own.
const energyText = (value, unit) => (unit === "pJ" ? scaled(value * 1e-12, "J") : `${short(value)} ${unit}`);

// Areas are in square micrometres; chips are read in square millimetres.
const areaScale = (most, unit) => (unit !== "um2" ? [1, unit] : most >= 1e5 ? [1e6, "mm²"] : [1, "µm²"]);

// The unit for an axis of energies up to `most`, and how many of the document's units it is.
function energyScale(most, unit) {
  const units = unit === "pJ" ? [[1e12, "J"], [1e9, "mJ"], [1e6, "µJ"], [1e3, "nJ"], [1, "pJ"]] : [];
  return units.find(([factor]) => most >= factor) ?? [1, unit];
}

const percent = (share, digits = 1) => (share === null || share === undefined ? "-" : `${(100 * share).toFixed(digits)} %`);
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

// Names are data: a figure must not read tags or entities in them.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// A name in at most `width` letters. Layers of a repeated block differ in a number in the middle: parts without digits go first.
function shorten(name, width) {
  const mark = name.includes("/") ? "/" : ".";
  const parts = name.split(mark).map((part, at, all) => (at < all.length - 1 ? part + mark : part));
  while (parts.join("").length > width) {
    const spare = parts.map((_, at) => at).filter((at) => at < parts.length - 1 && parts[at].length > 2 && !/\d/.test(parts[at]));
    if (!spare.length) break;
    parts[spare.reduce((best, at) => (parts[at].length > parts[best].length ? at : best))] = "…" + mark;
  }
  const joined = parts.filter((part, at) => at === 0 || part[0] !== "…" || parts[at - 1][0] !== "…").join("");
  if (joined.length <= width) return joined;
  const head = Math.floor((width - 1) / 2);
  return `${joined.slice(0, head)}…${joined.slice(joined.length - (width - 1 - head))}`;
}

const times = (value) => (Array.isArray(value) ? value.join("x") : String(value));

// The sizes of a layer in a short phrase, as `cairn run` shows them.
function sizesText(layer) {
  const sizes = layer.sizes ?? {};
  const of = (key) => sizes[key] ?? sizes[key.toUpperCase()];
  const batch = of("batch") > 1 ? of("batch") : null;
  if (layer.operation === "gemm" && of("m")) return `${batch ? `${batch} x ` : ""}M${of("m")} N${of("n")} K${of("k")}`;
  if (layer.operation !== "conv" || !sizes.kernel) return Object.entries(sizes).map(([key, value]) => key + times(value)).join(" ");
  const steps = (key, letter) => (sizes[key]?.some((step) => step !== 1) ? [`${letter}${times(sizes[key])}`] : []);
  return [
    ...(batch ? [`${batch}x`] : []), `${sizes.channels}x${times(sizes.input)}`, `*${sizes.filters}`, `k${times(sizes.kernel)}`,
    ...steps("stride", "s"), ...steps("dilation", "d"), ...(sizes.groups > 1 ? [`g${sizes.groups}`] : []),
  ].join(" ");
}

// An element with attributes and children; text stays text. Functions among the attributes listen.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Buttons of which one is pressed.
function choices(label, options, chosen, choose) {
  const buttons = Object.entries(options).map(([key, text]) =>
    make("button", { type: "button", "aria-pressed": String(key === chosen), click: () => choose(key) }, text));
  return make("span", { class: "group", role: "group", "aria-label": label }, label ? `${label}:` : null, ...buttons);
}

function picker(label, options, chosen, choose) {
  const items = options.map((text, at) => make("option", { value: at, selected: at === chosen }, text));
  return make("label", {}, label, make("select", { change: (event) => choose(Number(event.target.value)) }, ...items));
}

// Empty a section but for its heading, and fill it again.
function refill(id, ...children) {
  const section = document.getElementById(id);
  section.hidden = children.length === 0;
  section.replaceChildren(section.querySelector("h2"), ...children.flat().filter(Boolean));
  return section;
}

const narrowPage = () => document.querySelector("main").clientWidth < 640;
const onPaper = () => document.documentElement.classList.contains("paper");
const hint = (text) => make("p", { class: "hint" }, text);
const plotPlace = (id) => make("div", { id, class: "plot" });

// What a document lacks, and how to get it.
function missing(what) {
  const how = "Run the command at the end of this page with this version of Cairn, and make the page again.";
  return make("p", { class: "missing" }, `This document (Cairn ${theResult().context.version ?? "of unknown version"}) does not hold ${what}. ${how}`);
}
