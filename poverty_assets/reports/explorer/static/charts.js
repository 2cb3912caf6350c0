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

function stamped(spec) {
  if (!DATA.simulated) return spec;
  return { ...spec, title: { text: stampText(), color: SIMULATED_COLOUR, fontSize: 11 } };
}

// Vega lies deflated in the page, too; it is set to work with the first chart, after the map is drawn.
let library = null;
function chartLibrary() {
  library ??= parsed().then(() => inflated("library")).then(block => {
    document.head.append(make("script", {}, `(function () {${new TextDecoder().decode(block)}})();`));
    return window.vegaEmbed;
  });
  return library;
}

async function draw(element, spec, renderer = "svg") {
  const autosize = spec.width === "container" ? { type: "fit-x", contains: "padding" } : "pad";
  const { view } = await (await chartLibrary())(element, { autosize, ...spec }, { mode: "vega-lite", actions: false, renderer, config: config() });
  return view;
}

function chartCard({ id, title, full = title, help, columns, rows, spec, content, quarter, later = false }) {
  const box = make("div", { class: "chart" });
  const file = fileName(`${id}-${quarterName(quarter)}`);
  const card = make("figure", { class: "card", id: `chart-${id}` },
    make("figcaption", {}, make("h3", {}, title), ...tools(full, file, { columns, rows, spec, quarter })),
    help ? make("p", { class: "help" }, help) : null,
    content || (spec ? box : null),
    tableDetails(full, columns, rows, !spec));
  const drawn = async () => { await chartLibrary(); if (box.isConnected) await draw(box, stamped({ ...spec, description: full })); };
  if (spec && !content && later) drawLater(box, spec.height, drawn);
  else if (spec && !content) pending.push(drawn);
  return card;
}
let pending = [];

// Charts come after what is seen first, and hold up nothing: another choice is drawn before them.
let charting = 0;
async function drawCharts(drawings) {
  charting += 1;
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  for (const act of drawings) {
    await act().catch(error => console.error(error));
    await breath();
  }
  charting -= 1;
  if (!charting && !rendering) delete document.documentElement.dataset.busy;
}

// A chart that is drawn when it comes into sight; those that are printed are drawn at once.
const waiting = new Map();
const sight = new IntersectionObserver(entries => entries.forEach(({ isIntersecting, target }) => {
  if (!isIntersecting) return;
  sight.unobserve(target);
  waiting.get(target)().catch(error => console.error(error));
  waiting.delete(target);
}));
function drawLater(box, height, act) {
  box.style.minHeight = `${height + 50}px`;
  waiting.set(box, act);
  sight.observe(box);
}

function tableOf(title, columns, rows) {
  return make("table", {},
    make("caption", { class: "unseen" }, title),
    make("thead", {}, make("tr", {}, ...columns.map((column, i) => make("th", { scope: "col", class: i && !column.text && !column.day ? "number" : null }, column.title)))),
    make("tbody", {}, ...rows.map(row => make("tr", {}, ...columns.map((column, i) => make(i ? "td" : "th", i ? { class: column.day ? "day" : column.text ? null : "number" } : { scope: "row" }, String(row[column.key] ?? "")))))));
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
const ESTIMATE_COLUMNS = id => [{ key: "value", title: t(id ? valueTitle(id) : "value") }, { key: "low", title: id ? boundTitle(id, "low") : t("low") }, { key: "high", title: id ? boundTitle(id, "high") : t("high") }];
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

function upsetSpec(rows, most, width, labelLimit) {
  const x = { field: "place", type: "ordinal", axis: null };
  const dots = rows.filter(({ mask }) => mask !== OTHER_BUNDLES).flatMap(({ place, mask }) => INDICATORS.map((indicator, j) => ({ place, name: label(indicator.names), on: Boolean(mask >> j & 1) })));
  const names = INDICATORS.map(indicator => label(indicator.names));
  const y = { field: "name", type: "nominal", title: null, sort: names, axis: { ticks: false, domain: false, labelLimit } };
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

// The matrix of pairs as a picture to save.
function pairSpec(rows, most, width) {
  const names = INDICATORS.map(indicator => label(indicator.names));
  const x = { field: "a", type: "nominal", title: null, sort: names, axis: { labelAngle: -40, orient: "bottom", grid: false } };
  const y = { field: "b", type: "nominal", title: null, sort: names, axis: { grid: false } };
  return {
    width, height: 24 * INDICATORS.length, data: { values: rows },
    layer: [
      { mark: "rect", encoding: { x, y, color: { field: "v", type: "quantitative", title: t("value"), legend: { format: "~%", gradientLength: 120 }, scale: { range: PALETTES.sequential, domain: [0, most] } } } },
      { mark: { type: "text", fontSize: 10 }, encoding: { x, y, text: { field: "short" }, color: { condition: { test: `datum.v > ${most * 0.6}`, value: "#ffffff" }, value: "#111111" } } },
    ],
  };
}

// Time as time: the surveys as points at their fieldwork, the estimates of quarters as a band between.
function seriesSpec(points, estimates, id) {
  const axis = isPlain(id) || isIndex(id) ? {} : { format: "~%", tickCount: 5 };
  const y = { field: "v", type: "quantitative", title: unitOf(id) || null, axis, scale: { zero: !isPlain(id) } };
  const x = { field: "day", type: "temporal", title: null, axis: { format: "%Y", tickCount: "year", labelAngle: 0 } };
  const both = estimates.length > 1, kind = { field: "kind", type: "nominal", title: null, sort: null, scale: { domain: [t("series_survey"), t("series_estimate")], range: [INK, BAR] } };
  const point = (rows, shape) => !rows.length ? [] : [
    ...intervals(rows, { x, ...UPWARDS }).map(layer => ({ ...layer, data: { values: rows } })),
    { data: { values: rows }, mark: { type: "point", shape, filled: true, size: 70, opacity: 1 }, encoding: { x, y, color: points.length ? kind : { value: BAR } } },
  ];
  return {
    width: "container", height: 150,
    layer: [
      ...(both && estimates.some(({ lo }) => typeof lo === "number") ? [{ data: { values: estimates.filter(({ lo }) => typeof lo === "number") }, mark: { type: "area", color: BAR, opacity: 0.2 }, encoding: { x, y: { ...y, field: "lo" }, y2: { field: "hi" } } }] : []),
      ...(both ? [{ data: { values: estimates }, mark: { type: "line", color: BAR }, encoding: { x, y } }] : []),
      ...point(estimates, "circle"), ...point(points, "diamond"),
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
