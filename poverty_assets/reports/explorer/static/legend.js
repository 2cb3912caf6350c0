// The legend, in words: classes of the figure, what hatching and grey mean, and the slider that says how sure is sure enough.
function drawLegend(state, scale) {
  const id = state.figure, place = byId("legend"), unit = unitOf(id);
  const swatches = make("div", { class: "swatches", role: "img", "aria-label": classText(id, scale) },
    ...scale.colours.map((colour, i) => make("span", { class: "swatch", style: `background:${colour}` }, i < scale.cuts.length ? make("span", { class: "cut" }, written(id, scale.cuts[i])) : "")));
  const lines = legendLines(state, scale);
  const keys = lines.filter(({ folded }) => !folded).map(({ kind, words }) => make("span", { class: "key" }, kind ? keyGlyph(pen => paintKey(pen, kind, 0, 0), 26, 14) : "", words));
  const layers = contextShown(state).map(layer => make("span", { class: "key layer" }, keyGlyph(pen => paintGlyph(pen, layer, 10, 8), 20, 16), contextName(layer)));
  byId("sureness-field").hidden = !hasIntervals(id);
  byId("sureness").value = state.sureness;
  byId("sureness").setAttribute("aria-valuetext", surenessText(state, scale));
  byId("sureness-text").textContent = lines.some(({ kind }) => kind === "unsure" || kind === "grey") ? "" : surenessText(state, scale); // said beside its key
  const [least, most] = legendEnds(id, scale);
  const ends = scale.cuts.length ? [t(least), unit, t(most)].filter(Boolean) : [classText(id, scale)];
  place.replaceChildren(make("div", { class: "ends" }, ...ends.map(words => make("span", {}, words))), swatches,
    make("div", { class: "keys" }, ...keys, ...layers), ...lines.filter(({ folded }) => folded).map(({ words }) => make("details", { class: "rests" }, make("summary", {}, t("rests_on")), words)));
}

// What the outermost colours mean: people are few or many, other things low or high.
function legendEnds(id, scale) {
  if (id === "register_gap") return ["legend_gap_over", "legend_gap_short"];
  if (scale.diverging) return ["legend_fewer", "legend_more"];
  return isShare(id) ? ["legend_few", "legend_many"] : ["legend_low", "legend_high"];
}

function classText(id, scale) {
  if (scale.cuts.length) return t("legend_classes", { n: scale.colours.length, a: withUnit(id, scale.cuts[0]), b: withUnit(id, scale.cuts[scale.cuts.length - 1]) });
  const [a, b] = [withUnit(id, scale.least), withUnit(id, scale.greatest)];
  return t("legend_alike", { v: a === b ? a : t("range", { a, b }) });
}

function surenessText(state, scale) {
  const stop = STOPS[state.sureness];
  if (!state.sureness) return t("sureness_all");
  const open = state.figure === "register_gap" ? ["sureness_hatch_gap", "sureness_grey_gap"] : ["sureness_hatch_zero", "sureness_grey_zero"];
  if (scale.diverging) return t(open[stop.hatch ? 0 : 1]);
  const words = isRange(state.figure) ? ["sureness_hatch_range", "sureness_grey_range"] : ["sureness_hatch", "sureness_grey"];
  return t(words[stop.hatch ? 0 : 1], { n: stop.span, m: scale.colours.length });
}

// What stands below the colours: only what the map shows.
function legendLines(state, scale) {
  const lines = [], stop = STOPS[state.sureness], figures = maps.flatMap(({ quarter }) => areasOf(state.level).map(area => figureAt(state.figure, quarter, area)));
  if (hasIntervals(state.figure) && state.sureness && figures.some(figure => figure.state === "known" && spanOf(scale, figure) >= stop.span)) lines.push({ kind: stop.hatch ? "unsure" : "grey", words: surenessText(state, scale) });
  if (!hasIntervals(state.figure)) lines.push({ kind: null, words: t(isOwn(state.figure) ? "no_interval_own" : isPlain(state.figure) ? "no_interval_feature" : "no_interval_count") });
  if (figures.some(({ state: known }) => known !== "known")) lines.push({ kind: "none", words: t("legend_none") });
  if (!isPlain(state.figure)) lines.push(...hazardBasis(state.figure, state.quarter).map(words => ({ kind: null, words, folded: true })));
  if (state.tab === "act") lines.push({ kind: "marked", words: t("legend_marked") });
  return lines;
}

function keyGlyph(draw, width, height) {
  const canvas = make("canvas", { width: 2 * width, height: 2 * height, class: "glyph", "aria-hidden": "true", style: `width:${width}px;height:${height}px` });
  const pen = canvas.getContext("2d");
  pen.setTransform(2, 0, 0, 2, 0, 0);
  draw(pen);
  return canvas;
}

function paintKey(pen, kind, x, y) {
  if (!kind) return;
  pen.fillStyle = { unsure: "#fec44f", grey: GREYED, none: NO_COLOUR, marked: "#fe9929" }[kind];
  pen.fillRect(x + 1, y + 1, 24, 12);
  if (kind === "unsure" || kind === "none") { pen.fillStyle = hatching(pen, kind); pen.fillRect(x + 1, y + 1, 24, 12); }
  pen.strokeStyle = kind === "marked" ? "#111111" : "#767676";
  pen.lineWidth = kind === "marked" ? 2 : 1;
  pen.strokeRect(x + 1, y + 1, 24, 12);
}

function paintSwatches(pen, scale, id, x, y, width) {
  const step = width / scale.colours.length;
  scale.colours.forEach((colour, i) => {
    pen.fillStyle = colour;
    pen.fillRect(x + i * step, y, step, 14);
    pen.strokeStyle = "#767676";
    pen.strokeRect(x + i * step, y, step, 14);
    if (i >= scale.cuts.length && scale.cuts.length) return;
    pen.font = `13px ${FONTS}`;
    pen.fillStyle = INK;
    pen.textAlign = "center";
    if (!scale.cuts.length) { pen.fillText(classText(id, scale), x + width / 2, y + 29); return; }
    pen.fillText(written(id, scale.cuts[i]) + (i === 0 && unitOf(id) ? ` ${unitOf(id)}` : ""), x + (i + 1) * step, y + 29);
  });
}
