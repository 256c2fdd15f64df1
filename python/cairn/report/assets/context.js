// What is needed to run it again.

function copied(title, text, id) {
  const button = make("button", { type: "button" }, "Copy");
  const place = make("pre", { id, tabindex: 0 }, text);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(place);  // a page from a file may not be let at the clipboard
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  return make("div", {}, make("h3", {}, title, " ", button), place);
}

function contextRows(context) {
  const { machine, ...rest } = context;
  const line = (key, value) => make("tr", {}, make("td", {}, key), make("td", { class: "name" }, typeof value === "object" ? JSON.stringify(value) : String(value)));
  return make("table", {}, make("tbody", {}, line("machine", machine?.name ?? "-"), ...Object.entries(rest).map(([key, value]) => line(key, value))));
}

function showContext() {
  const result = theResult();
  const again = PAGE.again[flatIndex()];
  const aside = (title, value) => make("details", {}, make("summary", {}, title), make("pre", {}, JSON.stringify(value, null, 2)));
  refill("context",
    hint(`The numbers were made by Cairn ${result.context.version ?? "of an unknown version"}; the page by Cairn ${PAGE.version}.`),
    again.command ? copied("Command", again.command, "command") : hint(again.why),
    again.note ? hint(again.note) : null,
    copied(`The machine: ${again.file}`, again.machine, "machine-file"),
    make("h3", {}, "Context"), make("div", { class: "scroll", tabindex: 0 }, contextRows(result.context)),
    aside("Units of the numbers", result.units), aside("The whole context as JSON", result.context),
    make("p", {}, make("button", { type: "button", id: "save-document", click: () => save(`${PAGE.name}.json`, JSON.stringify(DOCUMENT, null, 2), "application/json") }, "Save the result document")));
}

// Where the result stands among all results of the document.
function flatIndex() {
  return allResults().indexOf(theResult());
}

const allResults = () => (DOCUMENT.models ? DOCUMENT.models.flatMap((model) => model.comparison.results) : DOCUMENT.results ?? [DOCUMENT]);
