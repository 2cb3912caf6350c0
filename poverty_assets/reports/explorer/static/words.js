// Language: words of the interface, names of areas and figures, numbers as they are shown.
const LANGUAGES = DATA.languages; // the first is the fallback, which has a name for everything
const FALLBACK = LANGUAGES[0].code;
const FONTS = ['system-ui, "Segoe UI", "Noto Sans"', ...LANGUAGES.map(({ fonts }) => fonts).filter(Boolean), "sans-serif"].join(", ");
const spoken = code => LANGUAGES.find(one => one.code === code);
let language = (navigator.languages || [navigator.language || ""]).map(tag => tag.split("-")[0]).find(spoken) || FALLBACK;

function t(key, values = {}) {
  const text = spoken(language).words[key] || key.replace(/_/g, " ");
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// A text of the pack, as a title or a reason, in the language where the pack says it so.
function told(text) { return spoken(language).words[`text:${text}`] ?? text; }

function named(table, key) {
  const found = table && table[key];
  return found ? label(found) : key.replace(/_/g, " ");
}
function label(names) { return names[language] ?? names[FALLBACK]; }

function areaName(area, code = language) { return (AREAS.names[code] || [])[area] || AREAS.names[FALLBACK][area]; }
function begun(text) { return text.charAt(0).toLocaleUpperCase(language) + text.slice(1); }
function levelName(level) { return begun(label(LEVELS[level].many)); }
function levelOf(area) { return begun(label(LEVELS[AREAS.level[area]].one)); }
function countryName() { return label(DATA.country.names); }
function quarterName(quarter) { return DATA.quarters[quarter].label; }

function areaPath(area, code = language) {
  const names = [];
  for (let i = AREAS.parent[area]; i > 0; i = AREAS.parent[i]) names.push(areaName(i, code));
  return names.join(", ");
}

const INDICATORS = DATA.indicators;
const indicatorAt = Object.fromEntries(INDICATORS.map((indicator, i) => [indicator.id, i]));
function indicatorName(id) { return id in indicatorAt ? label(INDICATORS[indicatorAt[id]].names) : named(null, id); }
function lower(name) { return t("within_a_sentence") === "lower" ? name.charAt(0).toLowerCase() + name.slice(1) : name; }

function figureName(id) {
  const [kind, first] = id.split(":");
  if (kind === "intensity" && first) return t("intensity_of", { name: named(DATA.hazards, first) });
  if (id in DATA.features) return label(DATA.features[id].names);
  if (kind === "uncensored") return t("deprived_in", { name: lower(indicatorName(first)) });
  if (kind === "censored") return t("poor_and_deprived_in", { name: lower(indicatorName(first)) });
  if (kind === "count") return t("deprived_in_number", { n: first, d: INDICATORS.length });
  if (kind === "pair") {
    const [a, b] = first.split("+");
    return t("deprived_in_both", { a: lower(indicatorName(a)), b: lower(indicatorName(b)) });
  }
  if (kind === "change" || kind === "wave") return t(kind === "wave" ? "wave_of" : "change_of", { figure: figureName(id.slice(kind.length + 1)), quarter: DATA.baselines[id] });
  if (kind === "own") return t(first === "any" ? "own_any" : "own_all", { list: id.split(":")[2].split("+").map(one => lower(indicatorName(one))).join(t("list_comma")) });
  if (kind === "exposed" || kind === "poor_exposed") return t(kind, { name: named(DATA.hazards, first) });
  if (kind === "new_poor") return t("new_poor", { name: named(DATA.shocks, first) });
  return t(id);
}

const MINUS = "\u2212";
function percent(value) { return `${(value * 100).toFixed(1)}%`; }
function signed(value) { return `${value > 0 ? "+" : value < 0 ? MINUS : ""}${Math.abs(value * 100).toFixed(1)}`; }
function significant(value) { return grouped(Number(value.toPrecision(3))); }

// How a figure's values are written; differences are in percentage points.
function written(id, value) {
  if (value === null || value === undefined) return "";
  if (id in DATA.features) return significant(value);
  if (isDifference(id)) return isIndex(id) ? signedIndex(value) : signed(value);
  return isIndex(id) ? value.toFixed(3) : percent(value);
}
function isIndex(id) { return /(^|:)mpi$/.test(id); }
function signedIndex(value) { return `${value > 0 ? "+" : value < 0 ? MINUS : ""}${Math.abs(value).toFixed(3)}`; }
function unitOf(id) {
  if (id in DATA.features) return named(DATA.country.units, DATA.features[id].unit);
  return isDifference(id) && !isIndex(id) ? t("points") : "";
}
function withUnit(id, value) { const unit = unitOf(id); return written(id, value) + (unit ? ` ${unit}` : ""); }

function valueText(id, figure) {
  if (figure.state === "withheld") return t("withheld");
  return figure.state === "none" ? t("no_figure") : withUnit(id, figure.value);
}
// Hazards behind a figure, and what its bounds are called: a tolerance that somebody stated makes no 95% interval.
function hazardsOf(id) {
  const [kind, first] = id.split(":");
  if (["exposed", "poor_exposed", "intensity"].includes(kind)) return first in DATA.assumptions ? [first] : [];
  if (kind === "new_poor") return [DATA.reached[first]].filter(hazard => hazard in DATA.assumptions);
  return kind === "exposed_near_poor" ? Object.keys(DATA.assumptions) : [];
}
function pricesOf(id) { return id.startsWith("new_poor:") ? DATA.prices[id.split(":")[1]] : undefined; }
function isRange(id) { return hazardsOf(id).length > 0 || Boolean(pricesOf(id)); }
function boundsTitle(id) { return t(!isRange(id) ? "interval" : id.startsWith("exposed:") ? "range_tolerance" : "range_widened"); }
function boundTitle(id, end) { return isRange(id) ? `${t(end)} (${boundsTitle(id)})` : t(end); }
function intervalText(id, figure) {
  if (figure.state !== "known") return "";
  return figure.low === null || figure.high === null ? t("no_interval") : rangeText(id, figure);
}
function rangeText(id, figure) { return t("range", { a: written(id, figure.low), b: written(id, figure.high) }); }
// Thousands apart; by hand, since the browser's own formats take longer to make than the map takes to draw.
function grouped(value) {
  const [digits, part] = (Math.abs(value) < 1e-6 ? value.toFixed(12).replace(/0+$/, "") : String(value)).split(".");
  return digits.replace(/\B(?=(\d{3})+$)/g, ",") + (part ? `.${part}` : "");
}
function whole(value) { return value === null || value === undefined ? "" : grouped(Math.round(value)); }
