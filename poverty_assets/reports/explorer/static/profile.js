// The profile of an area, or of two areas or quarters side by side.
function sidesOf(state) { return [{ area: state.area, quarter: state.quarter }, ...(state.other ? [state.other] : [])]; }

function keyRows({ area, quarter }) {
  const ids = [...figuresOf.poverty, ...(figuresOf.register || []), ...(figuresOf.hazard || []).filter(id => !isPlain(id)), ...(figuresOf.vulnerability || [])];
  const known = ids.filter(id => figureAt(id, quarter, area).state !== "none");
  return (known.length ? known : ids).map(id => {
    const figure = figureAt(id, quarter, area), place = rankOf(id, quarter, area);
    return row(id, figure, {
      id, name: figureName(id), interval: boundsText(id, figure), ranks: place ? `${whole(place.rank)} (${rankRange(id, quarter, area)})` : "",
      change: changeText(id, changeOf(id, quarter, area)), evidence: evidence(id, quarter, area),
    });
  });
}

function boundsText(id, figure) {
  const text = intervalText(id, figure);
  return text && isRange(id) ? `${text} (${boundsTitle(id)})` : text;
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
    set: bundle.mask === OTHER_BUNDLES ? t("other_sets") : INDICATORS.filter((_, j) => bundle.mask >> j & 1).map(indicator => label(indicator.names)).join(" + "),
  }));
}

function pairRows({ area, quarter }) {
  const rows = [];
  INDICATORS.forEach((a, i) => INDICATORS.slice(i + 1).forEach((b, j) => {
    const id = pairId(a.id, b.id);
    if (!hasFigure(id)) return;
    const figure = figureAt(id, quarter, area), lift = figure.state === "known" ? liftOf(a.id, b.id, quarter, area) : null;
    rows.push(row(id, figure, {
      id, at: [i, i + 1 + j], a: label(a.names), b: label(b.names), lift, short: figure.state === "known" ? (figure.value * 100).toFixed(figure.value < 0.0995 ? 1 : 0) : "",
      liftValue: lift ? times(lift.value) : "", liftLow: lift ? times(lift.low) : "", liftHigh: lift ? times(lift.high) : "",
    }));
  }));
  return rows;
}
const times = value => value === null ? "" : value >= 6553 ? "6553+" : value >= 9.95 ? value.toFixed(0) : value.toFixed(1);

// Below the diagonal the share deprived in both, above it the lift; a click maps the pair.
function pairMatrix(rows, most, side, title) {
  const cells = new Map(rows.flatMap(entry => [[`${entry.at[1]} ${entry.at[0]}`, entry], [`${entry.at[0]} ${entry.at[1]}`, entry]]));
  const cell = (i, j) => {
    if (i === j) return make("td", { class: "own" }, ownShare(INDICATORS[i].id, side));
    const entry = cells.get(`${i} ${j}`), isLift = j > i;
    if (!entry || entry.v === undefined || (isLift && !entry.lift)) return make("td", {});
    const range = isLift ? t("range", { a: entry.liftLow, b: entry.liftHigh }) : t("range", { a: entry.low, b: entry.high });
    const words = isLift ? t("pair_lift", { a: entry.a, b: entry.b, v: entry.liftValue, interval: range }) : t("pair_share", { a: entry.a, b: entry.b, v: entry.value, interval: range });
    const fill = isLift ? liftFill(entry.lift) : shadeOf(entry.v / most);
    return make("td", {}, make("button", { type: "button", class: isLift ? "lift" : "share", style: `background:${fill};color:${inkOn(fill)}`, title: words, "aria-label": words, "data-pair": entry.id, onclick: () => mapPair(entry.id, isLift) }, isLift ? `${side.narrow ? "" : "×"}${entry.liftValue}` : entry.short));
  };
  const head = i => make("button", { type: "button", class: "define", title: label(INDICATORS[i].names), "aria-label": t("define", { name: label(INDICATORS[i].names) }), onclick: () => define(INDICATORS[i].id) }, String(i + 1));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, make("table", { class: "matrix" }, make("caption", { class: "unseen" }, t("chart_pairs")),
    make("thead", {}, make("tr", {}, make("td", {}), ...INDICATORS.map((_, i) => make("th", { scope: "col" }, head(i))))),
    make("tbody", {}, ...INDICATORS.map((indicator, i) => make("tr", {}, make("th", { scope: "row" }, make("button", { type: "button", class: "define", title: label(indicator.names), onclick: () => define(indicator.id) }, `${i + 1} ${label(indicator.names)}`)), ...INDICATORS.map((_, j) => cell(i, j)))))));
}
function ownShare(id, { area, quarter }) {
  const figure = figureAt(`uncensored:${id}`, quarter, area);
  return figure.state === "known" ? (figure.value * 100).toFixed(figure.value < 0.0995 ? 1 : 0) : "";
}
function mapPair(id, isLift) {
  pair = id.slice(5).split("+");
  update({ topic: "pair", figure: id, page: 0, sort: "value", ascending: false }).then(() => {
    const again = document.querySelector(`.matrix button.${isLift ? "lift" : "share"}[data-pair="${id}"]`);
    if (again) again.focus();
  });
}
function shadeOf(part) { return PALETTES.sequential[Math.max(0, Math.min(MOST_CLASSES - 1, Math.floor(part * MOST_CLASSES)))]; }
// Orange where two deprivations meet more often than by chance, purple where less often; white where the interval leaves it open.
function liftFill({ value, low, high }) {
  if (low === null || low <= 1 && high >= 1) return "#ffffff";
  if (value < 1) return PALETTES.diverging[2];
  return PALETTES.diverging[value < 1.5 ? 4 : value < 3 ? 5 : 6];
}
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map(i => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#111111" : "#ffffff";
}

// The report that lies beside this page: the country's of every quarter, those of areas of one level of the newest.
function reportLink({ area, quarter }) {
  const label = quarterName(quarter), own = AREAS.level[area] === DATA.reported && quarter === NEWEST;
  if (area && !own) return "";
  const file = area ? `areas/${label}/${DATA.files[AREAS.id[area]] ?? AREAS.id[area]}_${language}.html` : `${label}${language === FALLBACK ? "" : `_${language}`}.html`;
  return make("p", { class: "report" }, make("a", { href: file }, t("report_of_area")));
}

// The day that a quarter ends, and the middle of a survey's fieldwork.
function endOf(quarter) {
  const [year, number] = DATA.quarters[quarter].label.split("Q").map(Number);
  return new Date(Date.UTC(year, 3 * number, 0)).toISOString().slice(0, 10);
}
function fieldworkOf(wave) {
  const source = DATA.sources.find(({ id }) => id === wave);
  return source ? new Date((Date.parse(source.begun) + Date.parse(source.observed)) / 2).toISOString().slice(0, 10) : null;
}
function seriesRows(id, area) {
  return DATA.quarters.map((quarter, q) => row(id, figureAt(id, q, area), { when: quarter.label, day: endOf(q), kind: t("series_estimate") })).filter(({ v }) => v !== undefined);
}
function surveyRows(id, area) {
  const survey = `survey:${id}`, seen = new Set(), rows = [];
  DATA.quarters.forEach(({ wave }, q) => {
    if (!wave || seen.has(wave) || !(survey in DATA.figures)) return;
    const figure = figureAt(survey, q, area), day = fieldworkOf(wave);
    if (figure.state !== "known" || !day) return;
    seen.add(wave);
    rows.push(row(survey, figure, { when: told(DATA.sources.find(({ id: one }) => one === wave).title), day, kind: t("series_survey") }));
  });
  return rows;
}

function partsRows(id, { area, quarter }) {
  const level = AREAS.level[area], inside = level === FINEST ? AREAS.parent[area] : area;
  const known = areasOf(level === FINEST ? FINEST : level + 1, inside).map(part => row(id, figureAt(id, quarter, part), { part, name: areaName(part), picked: part === area }));
  return known.filter(entry => entry.v !== undefined).sort((a, b) => b.v - a.v).slice(0, 25);
}

function featureRows({ area, quarter }) {
  const rows = [
    { name: t("population"), value: whole(peopleIn(area, quarter)), unit: AREAS.uncounted[area] !== 0 && AREAS.population[area] !== null ? without(unpeopled[area]) : "", observed: DATA.people[quarter] ? DATA.people[quarter].day : "" },
    { name: t("households"), value: whole(AREAS.households[area]), unit: "", observed: "" },
  ];
  for (const id of Object.keys(DATA.features)) {
    const figure = featureValue(id, quarter, area);
    if (figure.state === "known") rows.push({ name: figureName(id), value: written(id, figure.value), unit: unitOf(id), observed: DATA.features[id].observed[quarter] });
  }
  return rows;
}

function niceReach(value) {
  const steps = [0.008, 0.016, 0.024, 0.04, 0.08, 0.16, 0.24, 0.32, 0.4, 0.48, 0.56, 0.64, 0.8, 1];
  return steps.find(step => step >= value - 1e-9) || 1;
}
const most = (rows, floor) => niceReach(Math.max(floor, ...rows.map(entry => entry.hi ?? entry.v ?? 0)));

function drawProfile(state) {
  const sides = sidesOf(state), place = document.getElementById("sides");
  waiting.forEach((_, box) => sight.unobserve(box));
  waiting.clear();
  place.className = sides.length > 1 ? "two" : "one";
  const all = read => sides.map(read);
  const scales = {
    indicators: most(all(indicatorRows).flat(), 0.08), count: most(all(countRows).flat(), 0.08),
    bundles: most(all(bundleRows).flat(), 0.04), pairs: most(all(pairRows).flat().map(({ v }) => ({ v })), 0.04),
  };
  place.replaceChildren(...sides.map((side, i) => drawSide(state, side, scales, i)));
  byId("difference").textContent = state.other && state.other.area !== state.area && state.other.quarter === state.quarter ? differenceText(state.figure, state.quarter, state.area, state.other.area) : "";
}

// What is said first of an area: the figure shown, how sure it is, where it stands, whether it changed.
function headline(state, { area, quarter }) {
  const id = state.figure, figure = figureAt(id, quarter, area), interval = intervalText(id, figure);
  const basis = [methodName(id, quarter, area) ? `${t("evidence")}: ${methodName(id, quarter, area)}` : "", surveyHouseholds(quarter, area) && !isPlain(id) && !isOwn(id) ? `${t("survey_households")}: ${whole(surveyHouseholds(quarter, area))}` : "", featureBasis(id, quarter)].filter(Boolean).join(" · ");
  return make("div", { class: "headline" },
    make("p", {}, `${figureName(id)}: `, make("strong", {}, valueText(id, figure)), interval ? ` (${boundsTitle(id)}: ${interval})` : "", isChange(id) && figure.state === "known" && !isClear(figure) ? `: ${t("no_clear_change")}` : ""),
    ...[rankText(id, quarter, area), isDifference(id) ? "" : changeSentence(id, quarter, area)].filter(Boolean).map(text => make("p", {}, text)), basis ? make("p", { class: "help" }, basis) : "", ...[...hazardBasis(id, quarter), ...priceBasis(id, quarter, area)].map(text => make("p", { class: "help hazard-basis" }, text)),
    leftOut(area).length ? make("p", { class: "help left-out" }, t("sums_without", { without: without(leftOut(area)) })) : "",
    parts[area] && uncounted[area].length === parts[area] ? make("p", { class: "help left-out" }, t("sums_alike", { area: areaName(area) })) : "");
}
function featureBasis(id, quarter) {
  if (!isPlain(id) || hazardsOf(id).length) return "";
  const source = DATA.sources.find(one => one.id === DATA.features[id].source);
  return `${t("source")}: ${source ? told(source.title) : DATA.features[id].source}, ${t("observed")} ${DATA.features[id].observed[quarter]}`;
}

// Of each hazard behind a figure what measures it, observed when, from what on people are exposed, how far that may be off, on whose word.
function hazardBasis(id, quarter) {
  return hazardsOf(id).filter(hazard => DATA.assumptions[hazard][quarter]).map(hazard => hazardWords(hazard, quarter).join(" "));
}
// Of a shock of prices how the basket changed around an area, and what that adds.
function priceBasis(id, quarter, area) {
  const prices = pricesOf(id), found = prices ? prices.quarters[quarter] : {};
  let own = area;
  while (own > 0 && !(AREAS.id[own] in found)) own = AREAS.parent[own];
  if (!(AREAS.id[own] in found)) return [];
  const [change, low, high, markets, baseline] = found[AREAS.id[own]], source = DATA.sources.find(one => one.id === prices.source);
  const values = { area: areaName(own), v: percent(change), interval: low === null ? t("no_interval") : t("range", { a: percent(low), b: percent(high) }), baseline, n: whole(markets), source: source ? told(source.title) : prices.source };
  return [`${t(markets ? "price_change" : "price_change_taken", values)} ${t("price_adds", { each: significant(prices.each), most: percent(prices.most) })} ${told(prices.word)}`];
}
function hazardWords(hazard, quarter) {
  const { unit, threshold, tolerance, is_assumption: assumed, source_of_threshold: word, source, from, to, old } = DATA.assumptions[hazard][quarter];
  return [
    from ? t("hazard_source", { name: named(DATA.hazards, hazard), source: told(source), a: from, b: to }) : "", old ? t("hazard_old") : "",
    t(assumed ? "hazard_assumed" : "hazard_threshold", { v: threshold, unit: told(unit) }), t("hazard_tolerance", { v: tolerance }), told(word),
  ].filter(Boolean);
}

function drawSide(state, side, scales, number) {
  const { area, quarter } = side, tag = number ? "b" : "a";
  const figures = keyRows(side), id = state.figure, level = AREAS.level[area], base = baselineOf("headcount_ratio", level);
  const name = { key: "name", title: t("figure"), text: true };
  const width = Math.max(110, Math.min(420, document.getElementById("profile").clientWidth / (state.other ? 2 : 1) - (state.other ? 170 : 230)));
  const heading = t("profile_of", { area: areaName(area), quarter: quarterName(quarter) });
  const cards = [], card = options => chartCard({ quarter, ...options, id: `${options.id}-${tag}-${AREAS.id[area]}`, title: options.title, full: `${options.title}: ${heading}` });
  const add = (rows, options) => { if (rows.some(entry => entry.v !== undefined)) cards.push(card({ rows, ...options })); };
  const indicators = indicatorRows(side), counts = countRows(side), bundles = bundleRows(side), pairs = pairRows(side), lifts = pairs.some(({ lift }) => lift);
  add(pairs, {
    id: "pairs", title: t("chart_pairs"), help: t(lifts ? "pairs_help" : "pairs_help_shares"), content: pairMatrix(pairs, scales.pairs, { ...side, narrow: Boolean(state.other) }, `${heading}: ${t("chart_pairs")}`), spec: pairSpec(pairs, scales.pairs, 420),
    columns: [{ key: "a", title: t("first"), text: true }, { key: "b", title: t("second"), text: true }, ...ESTIMATE_COLUMNS(), ...(lifts ? [{ key: "liftValue", title: t("lift") }, { key: "liftLow", title: t("lift_low") }, { key: "liftHigh", title: t("lift_high") }] : [])],
  });
  add(bundles, { id: "bundles", title: t("chart_bundles"), help: t("bundles_help"), columns: [{ key: "set", title: t("set"), text: true }, ...ESTIMATE_COLUMNS(), { key: "expectation", title: t("expected"), raw: "expected" }], spec: upsetSpec(bundles, scales.bundles, width, state.other ? 90 : 210) });
  add(indicators, { id: "indicators", title: t("chart_indicators"), columns: [{ ...name, title: t("indicator") }, { key: "among", title: t("among"), text: true }, ...ESTIMATE_COLUMNS()], spec: indicatorSpec(indicators, scales.indicators) });
  for (const series of new Set([isOwn(id) || isDifference(id) ? "headcount_ratio" : id, ...(figuresOf.feature || []).filter(feature => groupOf(feature) === "light")])) {
    const rows = seriesRows(series, area), points = surveyRows(series, area);
    add([...points, ...rows], { later: true, id: `series-${series}`, title: t("chart_series", { figure: figureName(series) }), columns: [{ key: "when", title: t("quarter"), text: true }, ...ESTIMATE_COLUMNS(series), ...(points.length ? [{ key: "kind", title: t("evidence"), text: true }] : [])], spec: seriesSpec(points, rows, series) });
  }
  add(counts, { later: true, id: "count", title: t("chart_count"), columns: [{ key: "n", title: t("deprivations") }, ...ESTIMATE_COLUMNS()], spec: countSpec(counts, scales.count) });
  cards.push(card({ id: "key", title: t("key_figures"), rows: figures, columns: [name, { key: "value", title: t("value_plain") }, { key: "interval", title: t("interval") }, ...(figures.some(({ ranks }) => ranks) ? [{ key: "ranks", title: t("rank_and_range") }] : []), { key: "change", title: base ? changeTitle("headcount_ratio", level) : t("change_none"), text: true }, { key: "evidence", title: t("evidence"), text: true }] }));
  const parts = partsRows(id, side), larger = level === FINEST ? AREAS.parent[area] : area;
  add(parts, { later: true, id: "parts", title: t("chart_parts_in", { figure: figureName(id), area: areaName(larger) }), columns: [{ ...name, title: t("area") }, ...ESTIMATE_COLUMNS(id)], spec: partsSpec(parts, id) });
  cards.push(card({ id: "features", title: t("chart_features"), rows: featureRows(side), columns: [name, { key: "value", title: t("value_plain") }, { key: "unit", title: t("unit"), text: true }, { key: "observed", title: t("observed"), text: true, day: true }] }));
  const path = [area ? levelOf(area) : "", areaPath(area)].filter(Boolean).join(" · ");
  return make("div", { class: "side", "data-area": AREAS.id[area], "data-quarter": quarterName(quarter) }, make("h3", { class: "side-title", tabindex: "-1" }, heading), path ? make("p", { class: "path" }, path) : "", reportLink(side), headline(state, side), ...cards);
}

// Definitions: what each word of the page means, one click away.
function define(id) {
  const dialog = byId("definitions"), item = (name, ...texts) => [make("dt", {}, name), ...texts.filter(Boolean).map(text => make("dd", {}, text))];
  const newest = hazard => DATA.assumptions[hazard].findLastIndex(Boolean);
  const hazards = Object.keys(DATA.assumptions).flatMap(hazard => item(named(DATA.hazards, hazard), ...hazardWords(hazard, newest(hazard))));
  byId("definitions-list").replaceChildren(make("dl", {},
    ...INDICATORS.flatMap(one => {
      const parts = item(label(one.names), label(one.definitions), t("weight_of", { w: percent(one.weight) }));
      if (one.id === id) parts[0].setAttribute("data-asked", "");
      return parts;
    }), ...item(t("headcount_ratio"), t("about_poor")), ...item(t("intensity"), t("about_intensity")), ...item(t("mpi"), t("about_mpi")), ...item(t("lift"), t("about_lift")), ...hazards));
  if (!dialog.open) dialog.showModal();
  const asked = dialog.querySelector("[data-asked]");
  if (asked) asked.scrollIntoView({ block: "start" });
}
