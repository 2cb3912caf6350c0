// Layers for orientation over the map: roads, services, places. Which are shown, how they are drawn, and their own legend.
const CONTEXT = DATA.context;
const CONTEXT_INKS = ["#0277bd", "#000000", "#00695c", "#5e35b1", "#1b5e20", "#3e5266", "#00838f"]; // cold, on warm colours, with a white edge
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

// Over the areas, in the order of drawing; a white edge sets a line or a mark off from any colour below it.
function paintContext(pen, state, k) {
  for (const layer of contextShown(state)) for (const part of layer.parts) paintPart(pen, layer, part, k);
}
function paintPart(pen, layer, part, k) {
  if (part.kind === "point") {
    const points = pairsOf(part.points), r = pointSize(points.length) / k;
    points.forEach(([x, y]) => paintMark(pen, layer, x, y, r, r / 4));
    return;
  }
  const path = part.path || (part.path = new Path2D());
  if (!part.traced) (part.kind === "line" ? part.lines : part.rings.flat()).forEach(line => tracePath(path, pairsOf(line), part.kind === "polygon"));
  part.traced = true;
  const stroke = (ink, thick, dash) => { pen.strokeStyle = ink; pen.lineWidth = thick / k; pen.setLineDash(dash.map(step => step / k)); pen.stroke(path); pen.setLineDash([]); };
  stroke("#ffffff", 3.4, []);
  stroke(layer.ink, 1.7, part.kind === "polygon" ? [5, 3] : []);
}
function pointSize(n) { return n > 1000 ? 2 : n > 200 ? 2.8 : 5; }

const OUTLINES = {
  square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  "triangle-up": [[0, -1.2], [1.2, 1], [-1.2, 1]], "triangle-down": [[0, 1.2], [1.2, -1], [-1.2, -1]],
  cross: [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]],
};
function paintMark(pen, { ink, mark }, x, y, r, edge) {
  pen.beginPath();
  if (mark === "circle") pen.arc(x, y, r, 0, 2 * Math.PI);
  else tracePath(pen, OUTLINES[mark].map(([dx, dy]) => [x + dx * r, y + dy * r]), true);
  pen.fillStyle = ink;
  pen.fill();
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = edge;
  pen.stroke();
}

// A layer's mark in the legend.
function paintGlyph(pen, layer, x, y) {
  const { kind } = layer.parts[0];
  if (kind === "point") { paintMark(pen, layer, x, y, 5, 1); return; }
  pen.strokeStyle = layer.ink;
  pen.lineWidth = 2;
  pen.beginPath();
  if (kind === "line") { pen.moveTo(x - 9, y); pen.lineTo(x + 9, y); } else { pen.setLineDash([4, 2]); pen.rect(x - 8, y - 5, 16, 10); }
  pen.stroke();
  pen.setLineDash([]);
}

function drawContextControls(state) {
  byId("context").hidden = !CONTEXT.length;
  if (state.context.length) byId("context").open = true;
  byId("context-layers").replaceChildren(...CONTEXT.map(layer => make("label", {},
    make("input", { type: "checkbox", value: layer.id, checked: state.context.includes(layer.id) }), contextName(layer))));
}

function contextChosen() { return [...byId("context-layers").querySelectorAll("input:checked")].map(({ value }) => value); }
