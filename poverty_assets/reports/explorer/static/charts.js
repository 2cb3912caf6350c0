// Charts: the frame that every chart stands in (title, CSV, PNG, table), and Vega-Lite specifications of each.
const SIMULATED_COLOUR = "#a4161a";
const BAR = "#3b6ea8", POOR_BAR = "#b3541e", INK = "#1b1b1b";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

function say(text) { document.getElementById("status").textContent = text; }

function stampText() { return DATA.simulated ? t("simulated_stamp") : ""; }

function config() {
  return {
    font: FONTS, background: "#ffffff", view: { stroke: null },
    title: { font: FONTS, subtitleFont: FONTS, anchor: "start", fontSize: 14, subtitleColor: DATA.simulated ? SIMULATED_COLOUR : "#444444" },
    axis: { labelFont: FONTS, titleFont: FONTS, labelFontSize: 12, titleFontSize: 12, labelLimit: 210, titleFontWeight: "normal", labelColor: INK, titleColor: INK, gridColor: "#e4e4e4" },
    legend: { labelFont: FONTS, titleFont: FONTS, labelFontSize: 12, orient: "top" },
    text: { font: FONTS },
  };
}

// On the screen the heading stands outside; in a saved picture title, quarter, stamp and sources belong to it.
function titled(spec, title, note) {
  return { ...spec, title: { text: title, subtitle: [stampText(), note].filter(Boolean) } };
}
function stamped(spec) {
  if (!DATA.simulated) return spec;
  return { ...spec, title: { text: stampText(), color: SIMULATED_COLOUR, fontSize: 11 } };
}

async function draw(element, spec, renderer = "svg") {
  const autosize = spec.width === "container" ? { type: "fit-x", contains: "padding" } : "pad";
  const { view } = await vegaEmbed(element, { autosize, ...spec }, { mode: "vega-lite", actions: false, renderer, config: config(), patch: inert });
  return view;
}

// Only the first mark of a drawing answers the pointer: outlines and stamps lie above it.
function inert(spec) {
  spec.marks.forEach((mark, i) => { if (spec.usermeta && spec.usermeta.firstOnly && i) mark.interactive = false; });
  return spec;
}

function sourcesText(quarter) {
  return DATA.sources.filter(source => source.quarters.includes(quarter)).map(source => source.title).join("; ");
}

function chartCard({ id, title, help, columns, rows, spec, quarter, renderer, note }) {
  const box = make("div", { class: "chart" });
  const file = `${id}-${quarterName(quarter)}`.replace(/[^\w-]+/g, "_");
  const card = make("figure", { class: "card", id: `chart-${id}` },
    make("figcaption", {}, make("h3", {}, title), ...tools(title, file, { columns, rows, spec, quarter })),
    help ? make("p", { class: "help" }, help) : null,
    spec ? box : null,
    note || null,
    tableDetails(title, columns, rows, !spec));
  if (spec) pending.push(draw(box, stamped({ ...spec, description: title }), renderer));
  return card;
}
let pending = [];

// ``picture`` makes the specification to save, where it is not the one on the screen.
function tools(title, file, { columns, rows, spec, picture = spec && (() => spec), quarter }) {
  const button = (form, act) => make("button", { type: "button", class: `save ${form}`, "aria-label": t("download_of", { chart: title, form: form.toUpperCase() }), onclick: act }, t(`download_${form}`));
  return [
    button("csv", () => save(`${file}.csv`, new Blob([csvText(title, columns, rows, quarter)], { type: "text/csv" }))),
    picture ? button("png", () => savePicture(title, file, picture(), quarter)) : null,
  ];
}

function csvText(title, columns, rows, quarter) {
  // A spreadsheet would take a text that begins so for a formula; numbers, below 0 too, stay as they are.
  const inert = value => typeof value === "string" && /^[=+\-@\t\r]/.test(value) && isNaN(value) ? `'${value}` : String(value ?? "");
  const cell = value => /[",\n#]/.test(inert(value)) ? `"${inert(value).replace(/"/g, '""')}"` : inert(value);
  const head = [`# ${title}`, `# ${t("quarter")}: ${quarterName(quarter)}`, `# ${t("sources")}: ${sourcesText(quarter)}`];
  if (DATA.simulated) head.unshift(`# ${t("simulated_stamp")}: ${t("simulated_long")}`);
  const body = [columns.map(column => cell(column.title)), ...rows.map(row => columns.map(column => cell(row[column.key])))];
  return "\ufeff" + [...head, ...body.map(line => line.join(","))].join("\r\n") + "\r\n";
}

async function savePicture(title, file, spec, quarter) {
  const note = `${quarterName(quarter)}. ${t("sources")}: ${sourcesText(quarter)}`;
  const sized = JSON.parse(JSON.stringify(titled(spec, title, note.length > 110 ? `${note.slice(0, 108)}…` : note)));
  if (sized.width === "container") sized.width = 760;
  const box = make("div", { class: "offstage", "aria-hidden": "true" });
  document.body.append(box);
  const view = await draw(box, sized);
  const picture = await view.toImageURL("png", 2);
  view.finalize();
  box.remove();
  save(`${file}.png`, blobOf(picture));
}

// A data address as a blob; the page's policy allows no fetching, not even of itself.
function blobOf(address) {
  const bytes = atob(address.split(",")[1]);
  return new Blob([Uint8Array.from(bytes, c => c.charCodeAt(0))], { type: "image/png" });
}

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  say(t("downloaded", { file: name }));
}

function tableOf(title, columns, rows) {
  return make("table", {},
    make("caption", { class: "unseen" }, title),
    make("thead", {}, make("tr", {}, ...columns.map(column => make("th", { scope: "col" }, column.title)))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...columns.map((column, i) => make(i ? "td" : "th", i ? { class: column.text ? null : "number" } : { scope: "row" }, String(row[column.key] ?? "")))))));
}

function tableDetails(title, columns, rows, open) {
  const frame = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title });
  const fill = () => { if (!frame.firstChild) frame.append(tableOf(title, columns, rows)); };
  if (open) { fill(); return frame; }
  const details = make("details", {}, make("summary", {}, t("as_table")), frame);
  details.addEventListener("toggle", fill);
  return details;
}

// Rows of an estimate as they are shown, saved and drawn.
function row(id, figure, more) {
  return { ...more, value: valueText(id, figure), low: written(id, figure.low), high: written(id, figure.high), v: figure.value, lo: figure.low, hi: figure.high };
}
const ESTIMATE_COLUMNS = id => [{ key: "value", title: t(id ? valueTitle(id) : "value") }, { key: "low", title: t("low") }, { key: "high", title: t("high") }];
// Rules for the intervals; no layer at all where no row has one.
function intervals(rows, encoding) {
  if (!rows.some(entry => typeof entry.lo === "number" && typeof entry.hi === "number")) return [];
  return [{ mark: { type: "rule", strokeWidth: 1.6, color: "#111111" }, transform: [{ filter: "isValid(datum.lo) && isValid(datum.hi)" }], encoding }];
}
const ACROSS = { x: { field: "lo", type: "quantitative" }, x2: { field: "hi" } };
const UPWARDS = { y: { field: "lo", type: "quantitative" }, y2: { field: "hi" } };
const share = (title, most) => ({ type: "quantitative", title, axis: { format: "~%", tickCount: 5 }, scale: { domain: [0, most] } });

function indicatorSpec(rows, most) {
  const y = { field: "name", type: "nominal", title: null, sort: null };
  const yOffset = { field: "among", sort: null };
  return {
    width: "container", height: 13 * rows.length, data: { values: rows },
    layer: [
      { mark: { type: "bar", height: 10 }, encoding: { y, yOffset, x: { field: "v", ...share(t("value"), most) }, color: { field: "among", sort: null, title: null, scale: { range: [BAR, POOR_BAR] } } } },
      ...intervals(rows, { y, yOffset, ...ACROSS }),
    ],
  };
}

function countSpec(rows, most) {
  const x = { field: "n", type: "ordinal", title: t("deprivations"), axis: { labelAngle: 0 } };
  return {
    width: "container", height: 170, data: { values: rows },
    layer: [
      { mark: { type: "bar", color: BAR }, encoding: { x, y: { field: "v", ...share(t("value"), most) } } },
      ...intervals(rows, { x, ...UPWARDS }),
    ],
  };
}

function upsetSpec(rows, most, width) {
  const x = { field: "place", type: "ordinal", axis: null };
  const dots = rows.flatMap(({ place, mask }) => INDICATORS.map((indicator, j) => ({ place, name: label(indicator.names), on: Boolean(mask >> j & 1) })));
  const names = INDICATORS.map(indicator => label(indicator.names));
  const y = { field: "name", type: "nominal", title: null, sort: names, axis: { ticks: false, domain: false } };
  return {
    vconcat: [
      { width, height: 120, data: { values: rows }, layer: [
        { mark: { type: "bar", color: BAR }, encoding: { x, y: { field: "v", ...share(t("value"), most) } } },
        ...intervals(rows, { x, ...UPWARDS }),
        { mark: { type: "tick", color: "#d98200", thickness: 3, width: 18 }, encoding: { x, y: { field: "expected", type: "quantitative" } } },
      ] },
      { width, height: 18 * INDICATORS.length, data: { values: dots }, layer: [
        { mark: { type: "circle", size: 90 }, encoding: { x, y, color: { field: "on", type: "nominal", legend: null, scale: { domain: [true, false], range: ["#222222", "#dddddd"] } } } },
        { transform: [{ filter: "datum.on" }], mark: { type: "line", color: "#222222", strokeWidth: 2 }, encoding: { x, y, detail: { field: "place" } } },
      ] },
    ],
    spacing: 4, resolve: { scale: { x: "shared" } },
  };
}

function pairSpec(rows, most, width) {
  const names = INDICATORS.map(indicator => label(indicator.names));
  const x = { field: "a", type: "nominal", title: null, sort: names, axis: { labelAngle: -40, orient: "bottom", grid: false } };
  const y = { field: "b", type: "nominal", title: null, sort: names, axis: { grid: false } };
  return {
    width, height: 24 * INDICATORS.length, data: { values: rows },
    layer: [
      { mark: "rect", encoding: { x, y, color: { field: "v", type: "quantitative", title: t("value"), legend: { format: "~%", gradientLength: 120 }, scale: { scheme: "viridis", reverse: true, domain: [0, most] } } } },
      { mark: { type: "text", fontSize: 10 }, encoding: { x, y, text: { field: "short" }, color: { condition: { test: `datum.v > ${most * 0.5}`, value: "#ffffff" }, value: "#111111" } } },
    ],
  };
}

function seriesSpec(rows, id) {
  const y = { field: "v", type: "quantitative", title: unitOf(id) || null, axis: isPlain(id) || isIndex(id) ? {} : { format: "~%" }, scale: { zero: !isPlain(id) } };
  const x = { field: "when", type: "ordinal", title: null, sort: null, axis: { labelAngle: 0 } };
  return {
    width: "container", height: 150, data: { values: rows },
    layer: [
      ...intervals(rows, { x, ...UPWARDS }),
      { mark: { type: "line", point: { size: 60 }, color: BAR }, encoding: { x, y } },
    ],
  };
}

function partsSpec(rows, id) {
  const y = { field: "name", type: "nominal", title: null, sort: null };
  const axis = isPlain(id) || isIndex(id) ? {} : { format: "~%", tickCount: 5 };
  return {
    width: "container", height: 18 * rows.length, data: { values: rows },
    layer: [
      { mark: { type: "bar", height: 12 }, encoding: { y, x: { field: "v", type: "quantitative", title: unitOf(id) || t(valueTitle(id)), axis }, color: { condition: { test: "datum.picked", value: POOR_BAR }, value: BAR } } },
      ...intervals(rows, { y, ...ACROSS }),
    ],
  };
}
