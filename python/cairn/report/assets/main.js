// Everything that depends on what is looked at is drawn again when that changes.

function showChoice() {
  const place = document.getElementById("choice");
  const group = theGroup();
  const choose = (change) => (at) => { Object.assign(state, change(at), { layer: null }); show(); };
  place.className = "controls";
  place.replaceChildren(...[
    GROUPS.length > 1 ? picker("work", GROUPS.map((each) => each.name), state.group, choose((at) => ({ group: at, machine: 0 }))) : null,
    group.labels.length > 1 ? picker("machine", group.labels, state.machine, choose((at) => ({ machine: at }))) : null,
  ].filter(Boolean));
}

function showNavigation() {
  const links = [...document.querySelectorAll("main > section:not([hidden])")].map((section) =>
    make("a", { href: `#${section.id}` }, section.querySelector("h2").textContent));
  document.querySelector("nav").replaceChildren(...links);
}

function show() {
  showChoice();
  showOverview();
  showSuite();
  showComparison();
  showLayers();
  showMachine();
  showActivity();
  showRoofline();
  showEnergy();
  showTable();
  showContext();
  showNavigation();
  document.documentElement.dataset.ready = "yes";
}

// Figures take their colours from the page, so they are drawn again when those change; paper is narrow and light.
function draftOnPaper(paper) {
  document.documentElement.classList.toggle("paper", paper);
  document.body.style.width = paper ? "700px" : "";
  show();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
addEventListener("beforeprint", () => draftOnPaper(true));
addEventListener("afterprint", () => draftOnPaper(false));
let shownWidth = innerWidth;
addEventListener("resize", () => {
  const crossed = [640, 960].some((edge) => innerWidth < edge !== shownWidth < edge);
  shownWidth = innerWidth;
  if (crossed) show();
});
show();
