// Where to act: areas that meet a criterion with a stated certainty, from ranks and draws of the newest quarter.
const CERTAINTIES = [50, 99];

function actRows(state) {
  const id = state.figure, criteria = criteriaOf(id), criterion = criteria.includes(state.criterion) ? state.criterion : criteria[0];
  if (!criterion) return [];
  const rows = [];
  for (const area of areasOf(state.level, state.within)) {
    const figure = figureAt(id, NEWEST, area), chance = figure.state === "known" ? chanceOf(id, area, criterion, state.threshold) : null;
    if (chance === null || chance + 1e-9 < state.certainty / 100) continue;
    const people = peopleOf(id, figure, area, NEWEST);
    rows.push(row(id, figure, { area, id: AREAS.id[area], name: areaName(area), path: areaPath(area), interval: intervalText(id, figure), people, about: roundly(people), chance, certain: chanceText(chance) }));
  }
  const surest = ({ chance }) => Math.min(Math.floor(chance * 100 + 1e-6), 99); // as it is written
  return rows.sort((a, b) => surest(b) - surest(a) || b.v - a.v);
}

function criterionText(state, criterion) { return t(`criterion_${criterion}`, { v: written(state.figure, state.threshold), level: levelName(state.level).toLocaleLowerCase(language) }); }

function drawAct(state) {
  const id = state.figure, criteria = criteriaOf(id), place = byId("act");
  if (!criteria.length) { place.replaceChildren(make("h3", {}, t("tab_act")), make("p", { class: "help" }, t("act_unknown", { figure: figureName(id) }))); return; }
  if (!criteria.includes(state.criterion)) state.criterion = criteria[0];
  const rows = actRows(state), all = areasOf(state.level, state.within).filter(area => figureAt(id, NEWEST, area).state === "known").length;
  const title = t("act_title", { figure: figureName(id), what: criterionText(state, state.criterion), c: state.certainty, quarter: quarterName(NEWEST) });
  const columns = [{ key: "name", title: t("area"), text: true }, { key: "value", title: figureName(id) }, { key: "interval", title: boundsTitle(id) }, { key: "certain", title: t("certainty"), raw: "chance" }, { key: "about", title: t("people"), raw: "people" }];
  const choice = make("select", { id: "criterion", onchange: ({ target }) => update({ criterion: target.value }, ["act", "map"]) }, ...criteria.map(criterion => make("option", { value: criterion, selected: criterion === state.criterion }, criterionText(state, criterion))));
  const slider = (key, least, most, step, value, text, act) => make("label", { class: "slide" }, make("span", {}, `${t(key)}: `, make("output", {}, text)), make("input", { type: "range", id: key, min: least, max: most, step, value, "aria-valuetext": text, onchange: ({ target }) => { act(Number(target.value)); } }));
  const people = rows.reduce((sum, entry) => sum + (entry.people || 0), 0);
  place.replaceChildren(
    make("div", { class: "panel-head" }, make("h3", {}, t("tab_act")), ...tools(title, fileName(`act-${id}`), { columns, rows, quarter: NEWEST })),
    make("div", { class: "act-controls" }, make("label", {}, make("span", {}, t("criterion")), choice),
      state.criterion === "threshold" ? slider("threshold", 0, 1, 0.01, state.threshold, written(id, state.threshold), threshold => update({ threshold }, ["act", "map"])) : "",
      slider("certainty", ...CERTAINTIES, 1, state.certainty, `${state.certainty}%`, certainty => update({ certainty }, ["act", "map"]))),
    make("p", { id: "act-found", role: "status" }, t(isShare(id) && rows.length ? "act_found_people" : "act_found", { n: whole(rows.length), all: whole(all), level: levelName(state.level).toLocaleLowerCase(language), what: criterionText(state, state.criterion), c: state.certainty, people: roundly(people) })),
    rows.length ? make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, make("table", { id: "act-table" }, make("caption", { class: "unseen" }, title),
      make("thead", {}, make("tr", {}, ...[t("area"), t(valueTitle(id)), boundsTitle(id), t("certainty"), ...(isShare(id) ? [t("people")] : [])].map((text, i) => make("th", { scope: "col", class: i ? "number" : null }, text)))),
      make("tbody", {}, ...rows.slice(0, 100).map(entry => make("tr", { "data-area": entry.id, class: entry.area === state.area ? "picked" : null }, areaCells(entry), make("td", { class: "number value" }, entry.value), make("td", { class: "number interval" }, entry.interval), make("td", { class: "number" }, entry.certain), isShare(id) ? make("td", { class: "number people" }, entry.about) : ""))))) : "",
    rows.length > 100 ? make("p", { class: "help" }, t("act_more", { n: whole(rows.length - 100) })) : "",
    make("p", { class: "help" }, t("act_note", { quarter: quarterName(NEWEST) })), isShare(id) && rows.length ? make("p", { class: "help people-basis" }, peopleBasis(NEWEST)) : "");
}

// The reader's own set of deprivations, from joint profiles.
function drawOwn(state) {
  const place = byId("own"), can = DATA.profileBits.length && ARRAYS.has("profile_high");
  if (!can) { place.replaceChildren(make("h3", {}, t("tab_own")), make("p", { class: "help" }, t("own_unknown"))); return; }
  const box = ({ id, names }) => make("label", {}, make("input", { type: "checkbox", value: id, checked: state.own.includes(id), onchange: () => setOwn() }), label(names));
  const how = value => make("label", {}, make("input", { type: "radio", name: "own-how", value, checked: state.ownHow === value, onchange: () => setOwn() }), t(`own_how_${value}`));
  const shown = isOwn(state.figure) ? figureAt(state.figure, NEWEST, state.area) : null;
  place.replaceChildren(make("h3", {}, t("tab_own")), make("p", { class: "help" }, t("own_help")),
    make("fieldset", { id: "own-how" }, make("legend", {}, t("own_how")), how("all"), how("any")),
    make("fieldset", { id: "own-indicators" }, make("legend", {}, t("own_which")), ...INDICATORS.filter(({ id }) => DATA.profileBits.includes(id)).map(box)),
    shown && shown.state === "known" ? make("p", { id: "own-found", role: "status" }, t("own_found", { area: areaName(state.area), value: withUnit(state.figure, shown.value), what: figureName(state.figure), quarter: quarterName(NEWEST) })) : "",
    make("p", { class: "help" }, t("no_interval_own")));
}
function setOwn() {
  const own = [...document.querySelectorAll("#own-indicators input:checked")].map(({ value }) => value), ownHow = document.querySelector("#own-how input:checked").value;
  const focus = document.activeElement.value;
  const figure = own.length ? `own:${ownHow}:${own.join("+")}` : isOwn(state.figure) ? TOPICS[0][1][0] : state.figure;
  update({ own, ownHow, figure, topic: own.length ? "own" : topicOf(figure), quarter: NEWEST, page: 0, sort: "value", ascending: false }).then(() => {
    const again = document.querySelector(`#own input[value="${focus}"]`);
    if (again) again.focus();
  });
}
