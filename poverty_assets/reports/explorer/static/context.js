// Layers for orientation over the map: roads, services, places. Which are shown, how they are drawn, and their own legend.
const CONTEXT = DATA.context;
const CONTEXT_INKS = ["#d00000", "#000000", "#f4511e", "#7b2d00", "#5c0a5c", "#00515c", "#8a5a00"]; // on viridis, with a white edge
const CONTEXT_MARKS = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

CONTEXT.forEach((layer, i) => {
  layer.ink = CONTEXT_INKS[i % CONTEXT_INKS.length];
  layer.mark = CONTEXT_MARKS[CONTEXT.slice(0, i).filter(({ parts }) => parts[0].kind === "point").length % CONTEXT_MARKS.length];
});

function contextName(layer) {
  const drawn = layer.parts.filter(({ kind }) => kind === "point").map(part => ({ n: part.points.length / 2, all: part.n }));
  const fewer = drawn.find(({ n, all }) => n < all);
  return fewer ? t("context_thinned", { name: label(layer.names), n: whole(fewer.n), all: whole(fewer.all) }) : label(layer.names);
}
function contextShown(state) { return CONTEXT.filter(({ id }) => state.context.includes(id)); }

function contextMarks(state) { return contextShown(state).flatMap(layer => layer.parts.flatMap((part, i) => partMarks(layer, part, `context_${layer.id}_${i}`))); }

// A white edge sets a line off from any colour below it.
function partMarks({ ink, mark }, part, name) {
  if (part.kind === "point") {
    return [{
      name, data: { values: pairsOf(part.points).map(([x, y]) => ({ x, y })) },
      mark: { type: "point", shape: mark, filled: true, fill: ink, opacity: 1, stroke: "#ffffff", ...pointSize(part.points.length / 2) },
      encoding: { longitude: { field: "x", type: "quantitative" }, latitude: { field: "y", type: "quantitative" } },
    }];
  }
  const geometry = part.kind === "line" ? { type: "MultiLineString", coordinates: part.lines.map(pairsOf) } : polygonsOf(part.rings);
  const data = { values: [{ type: "Feature", geometry, properties: {} }] };
  const stroke = (colour, strokeWidth, more = {}) => ({ data, mark: { type: "geoshape", filled: false, stroke: colour, strokeWidth, strokeJoin: "round", ...more } });
  return [stroke("#ffffff", 3.2), { name, ...stroke(ink, 1.6, part.kind === "polygon" ? { strokeDash: [4, 2] } : {}) }];
}
function pointSize(n) { return n > 1000 ? { size: 14, strokeWidth: 0.3 } : n > 200 ? { size: 24, strokeWidth: 0.6 } : { size: 80, strokeWidth: 1 }; }

// One row a layer that is shown, in the drawing of the legend and of a saved map.
function contextLegendSpec(state) {
  const rows = contextShown(state).map((layer, row) => ({
    row, name: contextName(layer), ink: layer.ink, mark: { point: layer.mark, line: "stroke", polygon: "square" }[layer.parts[0].kind],
    fill: layer.parts[0].kind === "polygon" ? "#ffffff" : layer.ink,
  }));
  const y = { field: "row", type: "ordinal", axis: null };
  return {
    width: "container", height: 18 * rows.length, data: { values: rows }, encoding: { y },
    layer: [
      {
        mark: { type: "point", size: 90, strokeWidth: 2, opacity: 1, x: 12 },
        encoding: { shape: { field: "mark", type: "nominal", scale: null }, stroke: { field: "ink", type: "nominal", scale: null }, fill: { field: "fill", type: "nominal", scale: null } },
      },
      { mark: { type: "text", align: "left", baseline: "middle", x: 28, fontSize: 12, color: INK }, encoding: { text: { field: "name", type: "nominal" } } },
    ],
  };
}

function drawContextControls(state) {
  byId("context").hidden = !CONTEXT.length;
  byId("context-layers").replaceChildren(...CONTEXT.map(layer => make("label", {},
    make("input", { type: "checkbox", value: layer.id, checked: state.context.includes(layer.id) }), contextName(layer))));
}

function contextChosen() { return [...byId("context-layers").querySelectorAll("input:checked")].map(({ value }) => value); }
