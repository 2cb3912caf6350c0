// The profile of an area, or of two areas or quarters side by side.
function sidesOf(state) { return [{ area: state.area, quarter: state.quarter }, ...(state.other ? [state.other] : [])]; }

function keyRows({ area, quarter }) {
  const ids = [...figuresOf.poverty, ...(figuresOf.register || []), ...(figuresOf.hazard || []).filter(id => !isPlain(id)), ...(figuresOf.vulnerability || [])];
  return ids.map(id => {
    const figure = figureAt(id, quarter, area);
    return row(id, figure, { id, name: figureName(id), interval: intervalText(id, figure), change: changeText(id, changeOf(id, quarter, area)), evidence: methodName(id, quarter, area) });
  });
}

function indicatorRows({ area, quarter }) {
  return INDICATORS.flatMap(indicator => [["uncensored", "all_people"], ["censored", "poor_people"]].map(([kind, among]) => {
    const id = `${kind}:${indicator.id}`;
    return row(id, figureAt(id, quarter, area), { name: label(indicator.names), among: t(among) });
  }));
}

function countRows({ area, quarter }) {
  return (figuresOf.count || []).map(id => row(id, figureAt(id, quarter, area), { n: Number(id.slice(6)) }));
}

function bundleRows({ area, quarter }) {
  return bundlesOf(quarter, area).map((bundle, i) => ({
    place: i + 1, mask: bundle.mask, v: bundle.value, lo: bundle.low, hi: bundle.high, expected: bundle.expected,
    value: percent(bundle.value), low: bundle.low === null ? "" : percent(bundle.low), high: bundle.high === null ? "" : percent(bundle.high),
    expectation: bundle.expected === null ? "" : percent(bundle.expected),
    set: INDICATORS.filter((_, j) => bundle.mask >> j & 1).map(indicator => label(indicator.names)).join(" + "),
  }));
}

function pairRows({ area, quarter }) {
  const rows = [];
  INDICATORS.forEach((a, i) => INDICATORS.slice(i + 1).forEach(b => {
    const id = pairId(a.id, b.id);
    if (hasFigure(id)) {
      const figure = figureAt(id, quarter, area);
      rows.push(row(id, figure, { a: label(a.names), b: label(b.names), short: figure.state === "known" ? (figure.value * 100).toFixed(figure.value < 0.0995 ? 1 : 0) : "" }));
    }
  }));
  return rows;
}

function seriesRows(id, area) {
  return DATA.quarters.map((quarter, q) => row(id, figureAt(id, q, area), { when: quarter.label }));
}

function partsRows(id, { area, quarter }) {
  const level = AREAS.level[area], inside = level === 3 ? AREAS.parent[area] : area;
  const known = areasOf(level === 3 ? 3 : level + 1, inside).map(part => row(id, figureAt(id, quarter, part), { part, name: areaName(part), picked: part === area }));
  return known.filter(entry => entry.v !== undefined).sort((a, b) => b.v - a.v).slice(0, 25);
}

function featureRows({ area, quarter }) {
  const rows = [
    { name: t("population"), value: whole(AREAS.population[area]), unit: "", observed: "" },
    { name: t("households"), value: whole(AREAS.households[area]), unit: "", observed: "" },
  ];
  for (const id of Object.keys(DATA.features)) {
    const figure = featureValue(id, quarter, area);
    if (figure.state === "known") rows.push({ name: figureName(id), value: written(id, figure.value), unit: unitOf(id), observed: DATA.features[id].observed[quarter] });
  }
  return rows;
}

const most = (rows, floor) => niceReach(Math.max(floor, ...rows.map(entry => entry.hi ?? entry.v ?? 0)));

function drawProfile(state) {
  const sides = sidesOf(state), place = document.getElementById("sides");
  place.className = sides.length > 1 ? "two" : "one";
  const all = read => sides.map(read);
  const scales = {
    indicators: most(all(indicatorRows).flat(), 0.08), count: most(all(countRows).flat(), 0.08),
    bundles: most(all(bundleRows).flat(), 0.04), pairs: most(all(pairRows).flat().map(({ v }) => ({ v })), 0.04),
  };
  place.replaceChildren(...sides.map((side, i) => drawSide(state, side, scales, i)));
}

function drawSide(state, side, scales, number) {
  const { area, quarter } = side, tag = number ? "b" : "a";
  const figures = keyRows(side), id = state.figure, base = baselineOf("headcount_ratio");
  const name = { key: "name", title: t("figure"), text: true };
  const width = Math.max(220, Math.min(460, (document.getElementById("profile").clientWidth / (state.other ? 2 : 1)) - 260));
  const heading = t("profile_of", { area: areaName(area), quarter: quarterName(quarter) });
  const card = options => chartCard({ quarter, ...options, id: `${options.id}-${tag}-${AREAS.id[area]}`, title: `${options.title}: ${heading}` });
  const cards = [card({ id: "key", title: t("key_figures"), rows: figures, columns: [name, { key: "value", title: t("value_plain") }, { key: "interval", title: t("interval") }, { key: "change", title: base ? t("change", { quarter: base }) : t("change_none"), text: true }, { key: "evidence", title: t("evidence"), text: true }] })];
  const add = (rows, options) => { if (rows.some(entry => entry.v !== undefined)) cards.push(card({ rows, ...options })); };
  const indicators = indicatorRows(side), counts = countRows(side), bundles = bundleRows(side), pairs = pairRows(side);
  add(indicators, { id: "indicators", title: t("chart_indicators"), columns: [{ ...name, title: t("indicator") }, { key: "among", title: t("among"), text: true }, ...ESTIMATE_COLUMNS()], spec: indicatorSpec(indicators, scales.indicators) });
  add(bundles, { id: "bundles", title: t("chart_bundles"), help: t("bundles_help"), columns: [{ key: "set", title: t("set"), text: true }, ...ESTIMATE_COLUMNS(), { key: "expectation", title: t("expected") }], spec: upsetSpec(bundles, scales.bundles, width) });
  add(pairs, { id: "pairs", title: t("chart_pairs"), columns: [{ key: "a", title: t("first"), text: true }, { key: "b", title: t("second"), text: true }, ...ESTIMATE_COLUMNS()], spec: pairSpec(pairs, scales.pairs, width) });
  add(counts, { id: "count", title: t("chart_count"), columns: [{ key: "n", title: t("deprivations") }, ...ESTIMATE_COLUMNS()], spec: countSpec(counts, scales.count) });
  const parts = partsRows(id, side), larger = AREAS.level[area] === FINEST ? AREAS.parent[area] : area;
  add(parts, { id: "parts", title: t("chart_parts_in", { figure: figureName(id), area: areaName(larger) }), columns: [{ ...name, title: t("area") }, ...ESTIMATE_COLUMNS(id)], spec: partsSpec(parts, id) });
  for (const series of new Set([id, ...(figuresOf.feature || []).filter(feature => groupOf(feature) === "light")])) {
    const rows = seriesRows(series, area);
    add(rows, { id: `series-${series}`, title: t("chart_series", { figure: figureName(series) }), columns: [{ key: "when", title: t("quarter"), text: true }, ...ESTIMATE_COLUMNS(series)], spec: seriesSpec(rows, series) });
  }
  cards.push(card({ id: "features", title: t("chart_features"), rows: featureRows(side), columns: [name, { key: "value", title: t("value_plain") }, { key: "unit", title: t("unit"), text: true }, { key: "observed", title: t("observed"), text: true }] }));
  const surveyed = surveyHouseholds(quarter, area);
  const level = [area ? levelOf(area) : "", areaPath(area), surveyed ? `${t("survey_households")}: ${whole(surveyed)}` : ""].filter(Boolean).join(" · ");
  return make("div", { class: "side", "data-area": AREAS.id[area], "data-quarter": quarterName(quarter) }, make("h3", { class: "side-title" }, heading), level ? make("p", { class: "path" }, level) : "", ...cards);
}
