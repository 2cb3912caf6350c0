// The ranking: every area of the level, sorted, with interval, rank, people, change and evidence.
const PAGE = 15;
const SORTS = {
  value: (a, b) => b.v - a.v,
  people: (a, b) => (b.people ?? -1) - (a.people ?? -1),
  change: (a, b) => (b.shift ?? -9) - (a.shift ?? -9),
};

// Every area in its place, by numbers alone; ``inWords`` writes the rows that are shown or saved.
function rankingRows(state, quarter) {
  const id = state.figure;
  const known = [], rest = [];
  for (const area of areasOf(state.level, state.within)) {
    const figure = figureAt(id, quarter, area), change = changeOf(id, quarter, area);
    const entry = { area, figure, change, v: figure.value, lo: figure.low, hi: figure.high, people: peopleOf(id, figure, area, quarter), shift: change.state === "known" ? change.value : null };
    (figure.state === "known" ? known : rest).push(entry);
  }
  known.sort((a, b) => SORTS[state.sort](a, b) || a.area - b.area);
  if (state.ascending) known.reverse();
  known.forEach((entry, i) => { entry.rank = i + 1; });
  return [...known, ...rest];
}

function inWords(state, quarter, entry) {
  const id = state.figure, { area, figure, change, people } = entry, place = rankOf(id, quarter, area);
  return row(id, figure, {
    ...entry, id: AREAS.id[area], name: areaName(area), path: areaPath(area), interval: intervalText(id, figure), state: figure.state,
    ranks: rankRange(id, quarter, area), rankLow: place ? place.low : "", rankHigh: place ? place.high : "", tenth: place ? place.tenth : "", above: place ? place.above : "",
    about: roundly(people), change: changeText(id, change), clear: isClear(change),
    evidence: evidence(id, quarter, area), households: isPlain(id) || isOwn(id) ? null : surveyHouseholds(quarter, area),
  });
}

// Columns of the ranking as it is saved, and what makes its rows, which takes long.
function rankingTable(state, quarter) {
  const id = state.figure, base = baselineOf(id, state.level), ranks = ARRAYS.has(`rank:${id}`) && quarter === NEWEST;
  const columns = [
    { key: "rank", title: t("rank") }, { key: "id", title: "area_id" }, { key: "name", title: t("area"), text: true }, { key: "path", title: t("within"), text: true },
    { key: "value", title: figureName(id), unit: isShare(id) ? t("unit_share") : unitOf(id) }, { key: "low", title: boundTitle(id, "low") }, { key: "high", title: boundTitle(id, "high") },
    ...(ranks ? [{ key: "rankLow", title: t("rank_low") }, { key: "rankHigh", title: t("rank_high") }, { key: "tenth", title: t("chance_tenth") }, { key: "above", title: t("chance_country") }] : []),
    { key: "about", title: t("people"), raw: "people" }, { key: "change", title: base ? changeTitle(id, state.level) : t("change_none"), text: true, raw: "shift", unit: t("unit_share") },
    { key: "evidence", title: t("evidence"), text: true }, { key: "households", title: t("survey_households") },
  ];
  return { columns, rows: () => rankingRows(state, quarter).map(entry => inWords(state, quarter, entry)) };
}

function changeTitle(id, level) { return t(isBetweenSurveys(id, level) ? "change_surveys" : "change", { quarter: baselineOf(id, level) }); }

function sureText(rows) {
  const known = rows.filter(entry => entry.rank);
  if (known.length < 4) return "";
  const third = known[2];
  if (third.lo === null) return t("sure_unknown");
  const rivals = known.slice(3).filter(entry => entry.hi !== null && entry.hi >= third.lo).length;
  return rivals ? t("sure_top", { n: whole(rivals) }) : t("sure_top_clear");
}

function areaCells(entry, ...more) {
  return make("th", { scope: "row" }, make("button", { type: "button", class: "area", onclick: () => choose(entry.area) }, entry.name), make("span", { class: "path" }, entry.path), ...more);
}

// On a phone what has a column elsewhere stands below the figure or the name.
const NARROW = matchMedia("(max-width: 900px)"), BELOW = { area: ["change", "evidence"], value: ["interval", "ranks"] };
function placedBelow(into, shown) { return NARROW.matches ? BELOW[into].filter(key => shown.includes(key)) : []; }

function drawRanking(state) {
  const id = state.figure, base = baselineOf(id, state.level), saved = rankingTable(state, state.quarter), rows = rankingRows(state, state.quarter);
  const title = mapTitle(state, state.quarter);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  state.page = Math.min(state.page, pages - 1);
  const shown = rows.slice(state.page * PAGE, (state.page + 1) * PAGE).map(entry => inWords(state, state.quarter, entry));
  const hasRanks = ARRAYS.has(`rank:${id}`) && state.quarter === NEWEST, hasChange = base && state.quarter === NEWEST, bare = isPlain(id) || isOwn(id);
  const heads = [
    ["rank", null, true], ["area", null, true], [valueTitle(id), "value", true], ["interval", null, !bare], ["ranks", null, hasRanks], ["people", "people", isShare(id)],
    ["change", "change", hasChange], ["evidence", null, !bare],
  ].filter(([, , kept]) => kept);
  const kept = heads.map(([key]) => key), below = { area: placedBelow("area", kept), [valueTitle(id)]: placedBelow("value", kept) }, away = Object.values(below).flat();
  const sorts = Object.fromEntries(heads.map(([key, sort]) => [key, sort])), columns = kept.filter(key => !away.includes(key));
  const order = sort => sort && state.sort === sort ? (state.ascending ? "ascending" : "descending") : null;
  const titleOf = key => {
    const text = key === "change" ? changeTitle(id, state.level) : key === "interval" ? boundsTitle(id) : t(key), sort = sorts[key];
    const arrow = { ascending: " ▲", descending: " ▼" }[order(sort)] || "";
    return sort ? make("button", { type: "button", class: "sort", "data-sort": sort, title: t("sort_by", { column: text }), onclick: () => sortBy(sort) }, text + arrow) : make("span", {}, text);
  };
  const textOf = { rank: entry => String(entry.rank ?? ""), people: entry => entry.about };
  const classOf = (entry, key) => ({ rank: "number", evidence: "", change: `change ${entry.clear ? "clear" : ""}`, [valueTitle(id)]: "number value" }[key] ?? `number ${key}`);
  const header = columns.map(key => make("th", { scope: "col", class: /number/.test(classOf({}, key)) && key !== "area" ? "number" : null, "aria-sort": [key, ...(below[key] || [])].map(one => order(sorts[one])).find(Boolean) }, titleOf(key), ...(below[key] || []).map(one => make("span", { class: "path" }, titleOf(one)))));
  const written = (entry, key) => (textOf[key] || (one => one[key === valueTitle(id) ? "value" : key]))(entry);
  const cell = (entry, key) => {
    const more = (below[key] || []).map(one => make("span", { class: `path ${classOf(entry, one)}` }, written(entry, one)));
    if (key === "area") return areaCells(entry, ...more);
    return more.length ? make("td", { class: "number" }, make("span", { class: classOf(entry, key) }, written(entry, key)), ...more) : make("td", { class: classOf(entry, key) }, written(entry, key));
  };
  const body = shown.map(entry => make("tr", { "data-area": entry.id, class: entry.area === state.area ? "picked" : null }, ...columns.map(key => cell(entry, key))));
  const within = make("select", { id: "within", onchange: event => { update({ within: Number(event.target.value), page: 0 }); } },
    make("option", { value: 0 }, t("whole_country")), ...areasOf(1).map(area => make("option", { value: area, selected: area === state.within }, areaName(area))));
  const turn = (key, step, off) => make("button", { type: "button", class: key, disabled: off, onclick: () => { update({ page: state.page + step }, ["ranking"]); document.querySelector(`#ranking .${key}`).focus(); } }, t(key));
  const notes = [hasRanks ? t("ranks_note") : null, hasChange ? t("change_note") : base ? t("change_older", { quarter: quarterName(NEWEST) }) : null, id.startsWith("pair:") && hasChange ? t("change_pair_note") : null].filter(Boolean);
  byId("ranking").replaceChildren(
    make("div", { class: "panel-head" }, make("h3", {}, title), ...tools(title, fileName(`ranking-${id}`), { ...saved, quarter: state.quarter })),
    bare ? "" : make("p", { id: "sure" }, sureText(rankingOrder(state, rows))),
    make("label", { class: "within" }, make("span", {}, t("within")), within),
    isShare(id) ? make("p", { class: "help people-basis" }, peopleBasis(state.quarter)) : "",
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, make("table", { id: "ranking-table" }, make("caption", { class: "unseen" }, title), make("thead", {}, make("tr", {}, ...header)), make("tbody", {}, ...body))),
    make("p", { class: "pages" }, turn("previous", -1, state.page === 0), make("span", {}, t("page_of", { a: whole(state.page * PAGE + 1), b: whole(Math.min(rows.length, (state.page + 1) * PAGE)), n: whole(rows.length) })), turn("next", 1, state.page >= pages - 1)),
    ...notes.map(note => make("p", { class: "help" }, note)));
}

// How sure a ranking is can be said of shares in falling order only.
function rankingOrder(state, rows) { return state.sort === "value" && !state.ascending ? rows : []; }
