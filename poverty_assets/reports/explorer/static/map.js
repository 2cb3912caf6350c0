// The map: areas as paths on a canvas, moved and zoomed by d3-zoom; choosing by click, tap and arrow keys; a tooltip.
const PICKED_INKS = ["#d4006a", "#0b4f8a"]; // of the first and the second side, as above their profiles
const BUTTONS = 36; // pixels that the buttons for zooming take of the width
const paths = [];
let maps = [];

function pathOf(area) {
  if (!paths[area]) {
    const path = new Path2D();
    for (const polygon of DATA.geometry.rings[area]) polygon.forEach(ring => tracePath(path, pairsOf(ring), true));
    paths[area] = path;
  }
  return paths[area];
}
function tracePath(path, points, closed) {
  points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (closed) path.closePath();
}

const bounds = [];
function boundsOf(area) {
  if (!bounds[area]) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [ring] of DATA.geometry.rings[area]) {
      for (const [x, y] of pairsOf(ring)) {
        box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y); box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
      }
    }
    bounds[area] = box;
  }
  return bounds[area];
}
function centreOf(area) { const [x0, y0, x1, y1] = boundsOf(area); return [(x0 + x1) / 2, (y0 + y1) / 2]; }

// Areas gathered by how they look, so that a frame is a dozen strokes of the pen.
function layersOf(state, quarter, scale) {
  const fills = new Map(), hatched = { unsure: new Path2D(), none: new Path2D() }, lines = new Path2D();
  const acting = state.tab === "act" && quarter === NEWEST ? new Set(actRows(state).map(({ area }) => area)) : new Set(), marked = new Path2D();
  for (const area of areasOf(state.level)) {
    const { fill, hatch } = paintOf(scale, figureAt(state.figure, quarter, area), STOPS[state.sureness]);
    if (!fills.has(fill)) fills.set(fill, new Path2D());
    fills.get(fill).addPath(pathOf(area));
    if (hatch) hatched[hatch].addPath(pathOf(area));
    lines.addPath(pathOf(area));
    if (acting.has(area)) marked.addPath(pathOf(area));
  }
  const large = new Path2D();
  for (const area of areasOf(1)) large.addPath(pathOf(area));
  return { fills, hatched, lines, large, marked: acting.size ? marked : null };
}

function hatching(pen, kind) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const mark = tile.getContext("2d");
  if (kind === "unsure") {
    mark.strokeStyle = "rgba(60, 60, 60, 0.75)";
    mark.lineWidth = 1.1;
    for (const [x, y] of [[-2, 2], [0, 8], [6, 10]]) { mark.moveTo(x, y); mark.lineTo(x + (x === 0 ? 8 : 4), y - (x === 0 ? 8 : 4)); }
    mark.stroke();
  } else {
    mark.fillStyle = "#8a8a8a";
    mark.fillRect(3, 3, 1.5, 1.5);
  }
  return pen.createPattern(tile, "repeat");
}

// Draws everything into a pen whose unit is one pixel of the screen; k, x, y lead from steps of the grid to pixels.
function paint(pen, { layers, state, quarter }, { k, x, y, width, height, dpr }) {
  const place = () => pen.setTransform(k * dpr, 0, 0, k * dpr, x * dpr, y * dpr);
  const outline = (path, ink, thick) => { pen.strokeStyle = ink; pen.lineWidth = thick / k; pen.stroke(path); };
  place();
  pen.lineJoin = "round";
  for (const [fill, path] of layers.fills) { pen.fillStyle = fill; pen.fill(path); }
  for (const [kind, path] of Object.entries(layers.hatched)) {
    const pattern = hatching(pen, kind);
    pattern.setTransform(new DOMMatrix().scale(1 / k));
    pen.fillStyle = pattern;
    pen.fill(path);
  }
  outline(layers.lines, state.level === FINEST ? "#8f8f8f" : "#555555", state.level === FINEST ? 0.3 : 0.6);
  outline(layers.large, "#333333", 0.8);
  if (layers.marked) outline(layers.marked, "#111111", 1.8);
  paintContext(pen, state, k);
  pickedSides(state, quarter).forEach(({ area, ink }) => { outline(pathOf(area), "#ffffff", 5); outline(pathOf(area), ink, 3); });
  pen.setTransform(dpr, 0, 0, dpr, 0, 0);
  if (DATA.simulated) {
    pen.save();
    pen.translate(width / 2, height / 2);
    pen.rotate(-28 * Math.PI / 180);
    pen.font = `bold ${Math.round(Math.min(32, width / 20))}px ${FONTS}`;
    pen.textAlign = "center";
    pen.lineJoin = "round";
    pen.lineWidth = 3;
    pen.strokeStyle = "rgba(255, 255, 255, 0.5)"; // light around the letters, which are read on any colour then
    pen.strokeText(stampText(), 0, 0);
    pen.fillStyle = "rgba(164, 22, 26, 0.6)";
    pen.fillText(stampText(), 0, 0);
    pen.restore();
  }
}

function pickedSides(state, quarter) {
  return sidesOf(state).map((side, i) => ({ ...side, ink: PICKED_INKS[i] })).filter(side => side.area > 0 && side.quarter === quarter);
}

class MapView {
  constructor(state, quarter) {
    Object.assign(this, { state, quarter, transform: d3.zoomIdentity });
    this.canvas = make("canvas", { class: "map-canvas", tabindex: "0", role: "application" });
    this.tip = make("div", { class: "tip", hidden: true });
    const button = (name, sign, act) => make("button", { type: "button", class: `zoom ${name}`, "aria-label": t(name), title: t(name), onclick: act }, sign);
    this.box = make("div", { class: "map" }, this.canvas, this.tip, make("div", { class: "zooms" },
      button("zoom_in", "+", () => this.zoomBy(1.8)), button("zoom_out", MINUS, () => this.zoomBy(1 / 1.8)),
      button("zoom_all", "⤢", () => this.show(0)), button("zoom_chosen", "◎", () => this.show(this.state.area))));
    this.zoom = d3.zoom().scaleExtent([1, 60]).clickDistance(4).on("zoom", ({ transform }) => { this.transform = transform; this.keepTogether(); this.ask(); });
    d3.select(this.canvas).call(this.zoom).on("dblclick.zoom", null);
    this.canvas.addEventListener("click", event => { const area = this.areaAt(event); if (area) choose(area, { quarter: this.quarter }); });
    this.canvas.addEventListener("pointermove", event => { if (event.pointerType !== "touch" && !event.buttons) this.point(event); });
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.canvas.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.fit()).observe(this.box);
  }
  fit() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width || !height) return;
    const dpr = Math.min(window.devicePixelRatio || 1, 2);
    if (width === this.width && height === this.height && dpr === this.dpr) return;
    Object.assign(this, { width, height, dpr });
    Object.assign(this.canvas, { width: Math.round(width * dpr), height: Math.round(height * dpr) });
    this.zoom.extent([[0, 0], [width, height]]).translateExtent([[0, 0], [width, height]]);
    this.draw();
  }
  // From steps of the grid to pixels, before any zoom: the whole country, beside the buttons and not below them.
  base() { return baseOf(this.width - BUTTONS, this.height); }
  scaled() {
    const { k, x, y } = this.base(), { k: zoomed, x: right, y: down } = this.transform;
    return { k: k * zoomed, x: x * zoomed + right, y: y * zoomed + down, width: this.width, height: this.height, dpr: this.dpr };
  }
  redraw(scale) { this.layers = layersOf(this.state, this.quarter, scale); this.draw(); }
  ask() { if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); }); }
  draw() {
    if (!this.layers || !this.width) return;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    paint(pen, this, this.scaled());
  }
  keepTogether() {
    for (const other of maps) if (other !== this && other.transform !== this.transform) {
      other.transform = other.canvas.__zoom = this.transform;
      other.ask();
    }
  }
  zoomBy(factor) { this.zoom.scaleBy(d3.select(this.canvas), factor); }
  show(area) {
    const { k, x, y } = this.base(), [x0, y0, x1, y1] = boundsOf(area);
    const zoomed = area ? Math.min(40, Math.max(1, 0.35 * Math.min(this.width / (k * (x1 - x0)), this.height / (k * (y1 - y0))))) : 1;
    const [cx, cy] = [k * (x0 + x1) / 2 + x, k * (y0 + y1) / 2 + y];
    const at = area ? d3.zoomIdentity.translate(this.width / 2 - zoomed * cx, this.height / 2 - zoomed * cy).scale(zoomed) : d3.zoomIdentity;
    this.zoom.transform(d3.select(this.canvas), at);
  }
  gridOf(event) {
    const { left, top } = this.canvas.getBoundingClientRect(), { k, x, y } = this.scaled();
    return [(event.clientX - left - x) / k, (event.clientY - top - y) / k];
  }
  areaAt(event) {
    const [x, y] = this.gridOf(event);
    probe.setTransform(1, 0, 0, 1, 0, 0);
    return areasOf(this.state.level).find(area => {
      const [x0, y0, x1, y1] = boundsOf(area);
      return x >= x0 && x <= x1 && y >= y0 && y <= y1 && probe.isPointInPath(pathOf(area), x, y);
    });
  }
  point(event) {
    const area = this.areaAt(event);
    this.tip.hidden = !area;
    this.canvas.style.cursor = area ? "pointer" : "grab";
    if (!area) return;
    if (area !== this.tipped) { this.tip.replaceChildren(...tipLines(this.state.figure, this.quarter, area)); this.tipped = area; }
    const { left, top } = this.canvas.getBoundingClientRect(), [x, y] = [event.clientX - left, event.clientY - top];
    this.tip.style.left = `${Math.min(x + 14, this.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${y + 18 + this.tip.offsetHeight > this.height ? y - this.tip.offsetHeight - 10 : y + 18}px`;
  }
  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "+" || event.key === "=") this.zoomBy(1.8);
    else if (event.key === "-") this.zoomBy(1 / 1.8);
    else if (event.key === "0") this.show(0);
    else if (way) choose(neighbour(this.state, way), { keep: true });
    else return;
    event.preventDefault();
  }
}
const probe = document.createElement("canvas").getContext("2d");

function baseOf(width, height) {
  const margin = 6, k = Math.min((width - 2 * margin) / DATA.geometry.width, (height - 2 * margin) / DATA.geometry.height);
  return { k, x: (width - k * DATA.geometry.width) / 2, y: (height - k * DATA.geometry.height) / 2 };
}

// The next area in a direction; the largest by people where none is chosen.
function neighbour(state, [dx, dy]) {
  const areas = areasOf(state.level);
  if (!areas.includes(state.area)) return areas.reduce((best, area) => (AREAS.population[area] || 0) > (AREAS.population[best] || 0) ? area : best, areas[0]);
  const [x, y] = centreOf(state.area);
  let best = state.area, least = Infinity;
  for (const area of areas) {
    const [ax, ay] = centreOf(area), along = (ax - x) * dx + (ay - y) * dy, across = Math.abs((ax - x) * dy) + Math.abs((ay - y) * dx);
    if (along > 0 && across <= along && along + 2 * across < least) { least = along + 2 * across; best = area; }
  }
  return best;
}

function tipLines(id, quarter, area) {
  const figure = figureAt(id, quarter, area), interval = intervalText(id, figure);
  return [
    make("strong", {}, areaName(area)), make("span", { class: "path" }, areaPath(area)),
    make("span", { class: "tip-value" }, `${valueText(id, figure)}${interval ? ` (${interval})` : ""}`), make("span", {}, rankText(id, quarter, area)),
  ];
}

function mapTitle(state, quarter) { return t("ranking_caption", { figure: figureName(state.figure), level: levelName(state.level), quarter: quarterName(quarter) }); }

function drawMaps(state) {
  const place = byId("map-places"), quarters = [...new Set([state.quarter, ...(state.other ? [state.other.quarter] : [])])];
  const scale = scaleOf(state.figure, state.level);
  if (maps.map(({ quarter }) => quarter).join() !== quarters.join()) {
    const before = maps[0] && maps[0].transform;
    maps = quarters.map(quarter => new MapView(state, quarter));
    place.replaceChildren(...maps.map(view => make("div", { class: "map-place" }, quarters.length > 1 ? make("p", { class: "map-quarter" }, quarterName(view.quarter)) : "", view.box)));
    maps.forEach(view => { view.fit(); if (before) view.transform = view.canvas.__zoom = before; });
  }
  for (const view of maps) {
    view.canvas.setAttribute("aria-label", t("map_label", { figure: figureName(state.figure), level: levelName(state.level), quarter: quarterName(view.quarter) }));
    view.tipped = null;
    view.tip.hidden = true; // it told of what was shown before
    view.redraw(scale);
  }
  const title = mapTitle(state, state.quarter);
  byId("map-tools").replaceChildren(...tools(title, fileName(`map-${state.figure}-${quarterName(state.quarter)}`), { ...rankingTable(state, state.quarter), quarter: state.quarter, draw: () => mapPicture(state, scale) }));
  drawLegend(state, scale);
}
function drawPicked() { maps.forEach(view => view.draw()); }

// A saved map carries its title, legend and every source.
function mapPicture(state, scale) {
  const quarters = maps.map(({ quarter }) => quarter), width = 900, height = 640, dpr = 2;
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  pen.font = `13px ${FONTS}`;
  const notes = wrapped(pen, sourceNote(state.quarter), width - 40);
  const legend = legendLines(state, scale), top = 30 + (DATA.simulated ? 22 : 0);
  canvas.width = width * dpr;
  const tall = top + quarters.length * (height + 24) + 54 + 20 * legend.length + contextShown(state).length * 20 + 18 * notes.length + 24;
  canvas.height = tall * dpr;
  pen.setTransform(dpr, 0, 0, dpr, 0, 0);
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, width, tall);
  const text = (line, x, y, font, ink = INK) => { pen.font = `${font} ${FONTS}`; pen.fillStyle = ink; pen.textAlign = "left"; pen.fillText(line, x, y); };
  text(mapTitle(state, state.quarter), 20, 26, "bold 17px");
  if (DATA.simulated) text(stampText(), 20, 48, "bold 14px", SIMULATED_COLOUR);
  maps.forEach((view, i) => {
    const sheet = document.createElement("canvas"), { k, x, y } = baseOf(width, height);
    Object.assign(sheet, { width: width * dpr, height: height * dpr });
    paint(sheet.getContext("2d"), view, { k, x, y, width, height, dpr });
    const at = top + i * (height + 24);
    pen.drawImage(sheet, 0, at + 20, width, height);
    if (quarters.length > 1) text(quarterName(view.quarter), 20, at + 16, "bold 14px");
  });
  let y = top + quarters.length * (height + 24) + 8;
  paintSwatches(pen, scale, state.figure, 20, y, width - 40);
  y += 50;
  for (const { kind, words } of legend) { paintKey(pen, kind, 20, y - 12); text(words, 52, y, "13px"); y += 20; }
  for (const layer of contextShown(state)) { paintGlyph(pen, layer, 32, y - 5); text(contextName(layer), 52, y, "13px"); y += 20; }
  y += 6;
  notes.forEach(line => { text(line, 20, y, "13px", "#444444"); y += 18; });
  return canvas;
}
