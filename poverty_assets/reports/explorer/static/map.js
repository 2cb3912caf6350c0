// The map, its legend, and choosing an area on it.
let mapViews = [];

function features(areas, scale, id, quarter) {
  return areas.map(area => {
    const figure = figureAt(id, quarter, area);
    const interval = intervalText(id, figure);
    return {
      type: "Feature", geometry: shapeOf(area),
      properties: { area, fill: fillOf(scale, figure), tip: `${areaName(area)}: ${valueText(id, figure)}${interval ? ` (${interval})` : ""}` },
    };
  });
}

const PICKED_INKS = ["#d4006a", "#0b4f8a"]; // of the first and the second side, as above their profiles
function outline(area, ink) { return { type: "Feature", geometry: shapeOf(area), properties: { ink } }; }

// As wide as its place on the page, or ``width`` pixels.
function mapSpec(state, quarter, scale, width) {
  const areas = areasOf(state.level);
  const stamp = DATA.simulated ? [{
    data: { values: [{}] },
    mark: { type: "text", text: stampText(), fontSize: 34, fontWeight: "bold", angle: -28, opacity: 0.3, color: SIMULATED_COLOUR, x: width ? width / 2 : { expr: "width / 2" }, y: state.mapHeight / 2 },
  }] : [];
  return {
    usermeta: { firstOnly: true },
    width: width || "container", height: state.mapHeight, projection: { type: "identity" },
    layer: [
      {
        data: { name: "areas", values: features(areas, scale, state.figure, quarter) },
        mark: { type: "geoshape", stroke: state.level === FINEST ? "#9a9a9a" : "#555555", strokeWidth: state.level === FINEST ? 0.25 : 0.6, cursor: "pointer" },
        encoding: { color: { field: "properties.fill", type: "nominal", scale: null, legend: null }, tooltip: { field: "properties.tip", type: "nominal" } },
      },
      { data: { values: areasOf(1).map(area => outline(area)) }, mark: { type: "geoshape", filled: false, stroke: "#333333", strokeWidth: 0.7 } },
      ...contextMarks(state),
      { data: { name: "picked", values: pickedOutlines(state, quarter) }, mark: { type: "geoshape", filled: false, strokeWidth: 3 }, encoding: { stroke: { field: "properties.ink", type: "nominal", scale: null } } },
      ...stamp,
    ],
  };
}

function pickedOutlines(state, quarter) {
  const sides = [{ area: state.area, quarter: state.quarter }, ...(state.other ? [state.other] : [])];
  return sides.map((side, i) => ({ ...side, ink: PICKED_INKS[i] })).filter(side => side.area > 0 && side.quarter === quarter).map(side => outline(side.area, side.ink));
}

function legendSpec(id, scale) {
  const rows = scale.range === null ? [0] : [0, 1, 2, 3];
  const cells = rows.flatMap(certainty => Array.from({ length: BINS[certainty] }, (_, i) => {
    const span = 8 / BINS[certainty];
    return { certainty: certaintyName(id, scale, certainty), from: i * span, to: (i + 1) * span, fill: colourAt(scale, i * span, certainty) };
  }));
  const shown = scale.cuts.map((cut, i) => written(id, cut) + (scale.beyond && i === 8 ? "+" : ""));
  const labels = `${JSON.stringify(shown)}[datum.value]`;
  const axis = { values: scale.range === null ? [0, 2, 4, 6, 8] : [0, 1, 2, 3, 4, 5, 6, 7, 8], labelExpr: labels, labelFontSize: 10, grid: false, orient: "bottom", labelOverlap: "greedy" };
  return {
    width: "container", height: 15 * rows.length, data: { values: cells }, mark: { type: "rect", stroke: "#ffffff", strokeWidth: 1 },
    encoding: {
      x: { field: "from", type: "quantitative", title: unitOf(id) || null, scale: { domain: [0, 8], nice: false }, axis }, x2: { field: "to" },
      y: { field: "certainty", type: "nominal", sort: null, title: null, axis: { labelLimit: 240, labelFontSize: 11, ticks: false, domain: false, grid: false } },
      color: { field: "fill", type: "nominal", scale: null, legend: null },
    },
  };
}

// A saved map carries its legend.
function pictureSpec(state, quarter, scale) {
  const layers = state.context.length ? [{ ...contextLegendSpec(state), width: 720 }] : [];
  return { vconcat: [{ ...mapSpec(state, quarter, scale, 720), usermeta: undefined }, { ...legendSpec(state.figure, scale), width: 720 }, ...layers], spacing: 8 };
}

function certaintyName(id, scale, certainty) {
  if (scale.range === null) return t("legend_value");
  if (scale.diverging && certainty === 3) return t("legend_zero");
  const isWidest = certainty === (scale.diverging ? 2 : 3);
  const width = WIDTHS[certainty - (isWidest ? 1 : 0)] * scale.range;
  const text = isIndex(id) ? width.toFixed(3) : `${Number((width * 100).toFixed(1))} ${t("points")}`;
  return t(isWidest ? "legend_wide" : "legend_narrow", { w: text });
}

async function drawMaps(state) {
  const place = document.getElementById("maps");
  const quarters = [...new Set([state.quarter, ...(state.other ? [state.other.quarter] : [])])];
  const scale = scaleOf(state.figure, state.level);
  mapViews.forEach(view => view.finalize());
  mapViews = [];
  const cards = [];
  for (const quarter of quarters) {
    const box = make("div", { class: "map" });
    const spec = mapSpec(state, quarter, scale);
    const title = t("ranking_caption", { figure: figureName(state.figure), level: levelName(state.level), quarter: quarterName(quarter) });
    const { columns, rows } = rankingTable(state, quarter);
    cards.push([make("figure", { class: "card" },
      make("figcaption", {}, make("h3", {}, `${t("map")}: ${quarterName(quarter)}`), ...tools(title, `map-${state.figure}-${quarterName(quarter)}`.replace(/[^\w-]+/g, "_"), { columns, rows, picture: () => pictureSpec({ ...state }, quarter, scale), quarter })),
      box), box, spec, quarter]);
  }
  const legend = make("div", { class: "legend" });
  const layers = state.context.length ? make("div", { class: "legend context" }) : null;
  const help = scale.range === null ? null : make("p", { class: "help" }, t("legend_help"));
  place.className = quarters.length > 1 ? "two" : "";
  place.replaceChildren(...cards.map(([card]) => card), make("h3", { class: "legend-title" }, t("legend")), legend, layers || "", help || "");
  for (const [, box, spec, quarter] of cards) {
    const label = t("map_label", { figure: figureName(state.figure), level: levelName(state.level), quarter: quarterName(quarter) });
    const view = await draw(box, stamped({ ...spec, description: label }), "canvas");
    view.addEventListener("click", (_, item) => {
      const area = item && item.datum && item.datum.properties ? item.datum.properties.area : undefined;
      if (area !== undefined) choose(area);
    });
    view.quarter = quarter;
    mapViews.push(view);
  }
  await draw(legend, { ...legendSpec(state.figure, scale), description: t("legend") });
  if (layers) await draw(layers, { ...contextLegendSpec(state), description: `${t("context")}: ${contextShown(state).map(contextName).join(", ")}` });
}

function drawPicked(state) {
  return Promise.all(mapViews.map(view => view.data("picked", pickedOutlines(state, view.quarter)).runAsync()));
}
