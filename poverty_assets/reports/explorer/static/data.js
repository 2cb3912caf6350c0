// What the page knows, and how figures are read from their coding (codec.py). Nothing here draws or names anything.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const DIGIT = new Uint8Array(128);
for (let i = 0; i < 85; i++) DIGIT[ALPHABET.charCodeAt(i)] = i;

const LEAST_FIRST = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

// Four bytes of every five letters, into words from a place on; the first byte of a word is its greatest, whatever the machine's order.
function readWords(text, out, place) {
  for (let at = 0; at < text.length; at += 5, place++) {
    let word = DIGIT[text.charCodeAt(at)];
    for (let i = 1; i < 5; i++) word = Math.imul(word, 85) + DIGIT[text.charCodeAt(at + i)];
    out[place] = LEAST_FIRST ? word << 24 | (word & 0xff00) << 8 | word >>> 8 & 0xff00 | word >>> 24 : word;
  }
}

// The bytes that stand deflated in the elements of a block; ``pause`` is waited for between two of them.
async function inflated(block, pause = null) {
  const elements = [...document.querySelectorAll(`script[data-block="${block}"]`)];
  const out = new Uint32Array(elements.reduce((sum, element) => sum + element.textContent.length, 0) / 5);
  let place = 0;
  for (const element of elements) {
    const text = element.textContent;
    readWords(text, out, place);
    place += text.length / 5;
    element.remove();
    if (pause) await pause();
  }
  return inflate(new Uint8Array(out.buffer, 4, new DataView(out.buffer).getUint32(0)));
}

const [json, opening] = await Promise.all([inflated("data"), inflated("first")]); // together: the page draws once, when it has both
const DATA = JSON.parse(new TextDecoder().decode(json));
const AREAS = DATA.areas;
const N_AREAS = AREAS.id.length;
const LEVELS = DATA.levels;
const FINEST = LEVELS.length - 1; // 0 is the country
const NEWEST = DATA.quarters.length - 1;
const NO_FIGURE = 2 ** 32 - 1, WITHHELD = 2 ** 32 - 2, NO_BUNDLE = 2 ** 16 - 1, OTHER_BUNDLES = 2 ** 16 - 2;
const SCALES = { share: { least: 0, steps: 1000, parts: 15 }, difference: { least: -1, steps: 2000, parts: 1 } };

// Arrays by name (blocks.py): those of the first view, and the rest, which is read once that is drawn or something asks for it.
const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };
const ARRAYS = new Map();
function readBlock(block, bytes) {
  let at = 0;
  for (const [name, type, length] of DATA.arrays[block]) {
    ARRAYS.set(name, new TYPES[type](bytes, at, length));
    at += Math.ceil(length * TYPES[type].BYTES_PER_ELEMENT / 4) * 4;
  }
}

readBlock("first", opening);

let reading = null, isWhole = false;
function everything() {
  reading ??= parsed().then(() => inflated("rest", breath)).then(bytes => { readBlock("rest", bytes); isWhole = true; });
  return reading;
}
function parsed() {
  return document.readyState === "loading" ? new Promise(done => document.addEventListener("DOMContentLoaded", done, { once: true })) : Promise.resolve();
}
// Lets a click or a frame through.
function breath() { return new Promise(done => setTimeout(done)); }

// Whether a view can be drawn from what has been read.
function isRead({ figure, quarter, other, tab }) {
  if (isWhole) return true;
  if (quarter !== NEWEST || other || tab === "act" || tab === "own" || figure.startsWith("own:")) return false;
  return [figure, `survey:${figure}`].every(id => !(id in DATA.figures) || DATA.figures[id].quarters.every(place => place === null || ARRAYS.has(`${id}@${place}`)));
}

function unpack(code, scale) {
  if (code === NO_FIGURE) return { state: "none" };
  if (code === WITHHELD) return { state: "withheld" };
  const base = (scale.steps / 2 + 2) ** 2;
  const kept = Math.floor(code / base), rest = code % base;
  const step = Math.floor(kept / scale.parts + 0.5), span = scale.steps + 2 - step;
  const below = Math.floor(rest / span), above = rest % span;
  return {
    state: "known",
    value: kept / (1000 * scale.parts) + scale.least,
    low: below > step ? null : below / 1000 + scale.least,
    high: above > scale.steps - step ? null : (step + above) / 1000 + scale.least,
  };
}

// An entry of a list of quarters may be the number of an earlier quarter with the same content.
function entry(list, quarter) {
  const found = list[quarter];
  return typeof found === "number" ? list[found] : found;
}

function estimate(id, quarter, area) {
  if (id.startsWith("own:")) return ownEstimate(id, quarter, area);
  const figure = DATA.figures[id], place = figure ? figure.quarters[quarter] : null;
  if (place === null) return { state: "none" };
  figure.codes ??= [];
  figure.codes[place] ??= ARRAYS.get(`${id}@${place}`);
  return unpack(figure.codes[place][area], SCALES[figure.scale]);
}

// own:all:water+housing, the reader's own set: of the newest quarter, without an interval.
function ownEstimate(id, quarter, area) {
  const [, how, list] = id.split(":");
  const value = quarter === NEWEST && list ? ownShares(how, list.split("+"))[area] : NaN;
  return Number.isNaN(value) ? { state: "none" } : { state: "known", value, low: null, high: null };
}

function method(id, quarter, area) {
  if (id.startsWith("own:")) return null;
  const text = DATA.methods[DATA.figures[id].kind];
  const letter = text && text[quarter] ? text[quarter][area] : "-";
  return letter === "-" ? null : DATA.methodCodes[letter];
}

function featureValue(id, quarter, area) {
  const values = entry(DATA.features[id].quarters, quarter);
  const value = values ? values[area] : null;
  return value === null || value === undefined ? { state: "none" } : { state: "known", value, low: null, high: null };
}

function bundlesOf(quarter, area) {
  if (!DATA.bundles.quarters[quarter]) return [];
  const [mask, share, expected] = ["mask", "share", "expected"].map(part => ARRAYS.get(`bundle_${part}@${quarter}`)), top = DATA.bundles.top, found = [];
  for (let i = area * top; i < (area + 1) * top; i++) {
    if (mask[i] === NO_BUNDLE) continue;
    const figure = unpack(share[i], SCALES.share);
    if (figure.state !== "known") continue;
    found.push({ mask: mask[i], ...figure, expected: expected[i] === NO_BUNDLE ? null : expected[i] / 15000 });
  }
  return found;
}

function areasOf(level, within = 0) {
  const found = [];
  for (let i = 0; i < N_AREAS; i++) if (AREAS.level[i] === level && isWithin(i, within)) found.push(i);
  return found;
}

function isWithin(area, larger) {
  for (let i = area; i >= 0; i = AREAS.parent[i]) if (i === larger) return true;
  return false;
}

// Boundaries as GeoJSON in the plane of the screen; rings are kept as differences of whole numbers.
const shapes = [];
function shapeOf(area) {
  if (!shapes[area]) {
    shapes[area] = polygonsOf(DATA.geometry.rings[area]);
  }
  return shapes[area];
}

function polygonsOf(rings) {
  const closed = ring => { const points = pairsOf(ring); return [...points, points[0]]; };
  return { type: "MultiPolygon", coordinates: rings.map(polygon => polygon.map(closed)) };
}

// [x0, y0, dx1, dy1, ...] as points.
function pairsOf(moves) {
  const points = [];
  let x = 0, y = 0;
  for (let i = 0; i < moves.length; i += 2) points.push([(x += moves[i]), (y += moves[i + 1])]);
  return points;
}

// Ranks, draws, lifts and joint profiles of the newest quarter (sureness.py).
const NONE = { 1: 255, 2: 65535 };

function sureNumber(name, area, scale) {
  const array = ARRAYS.get(name);
  return !array || array[area] === NONE[array.BYTES_PER_ELEMENT] ? null : array[area] / scale;
}

// {rank, low, high, tenth, fifth, above, of} of an area in the newest quarter; null where the file has none, and of the country.
function rankOf(id, quarter, area) {
  const rank = quarter === NEWEST ? sureNumber(`rank:${id}`, area, 1) : null;
  const above = quarter === NEWEST ? sureNumber(`p_above_country:${id}`, area, 200) : null;
  if (rank === null || AREAS.level[area] === 0) return null;
  const read = name => sureNumber(`${name}:${id}`, area, 1), chance = name => sureNumber(`${name}:${id}`, area, 200);
  return { rank, low: read("rank_low"), high: read("rank_high"), tenth: chance("p_worst_tenth"), fifth: chance("p_worst_fifth"), above, of: rankedAreas(id, AREAS.level[area]) };
}
const ranked = new Map();
function rankedAreas(id, level) {
  const key = `${id} ${level}`;
  if (!ranked.has(key)) ranked.set(key, areasOf(level).filter(area => sureNumber(`rank:${id}`, area, 1) !== null).length);
  return ranked.get(key);
}

// How many times as often two deprivations meet as they would if independent, with its interval.
function liftOf(a, b, quarter, area) {
  if (quarter !== NEWEST) return null;
  const pair = [a, b].sort().join("+"), value = sureNumber(`lift:${pair}`, area, 10);
  return value === null ? null : { value, low: sureNumber(`lift_ci_low:${pair}`, area, 10), high: sureNumber(`lift_ci_high:${pair}`, area, 10) };
}

// Draws of a figure for an area of any level: its own, or those of its finest areas by people.
const drawn = new Map();
function drawsOf(id, area) {
  const key = `${id} ${area}`;
  if (!drawn.has(key)) drawn.set(key, readDraws(id, area));
  return drawn.get(key);
}
function readDraws(id, area) {
  const areas = ARRAYS.get(`areas:${id}`), people = ARRAYS.get("profile_people");
  if (!areas || !people) return null;
  const low = ARRAYS.get(`low:${id}`), step = ARRAYS.get(`step:${id}`), draws = ARRAYS.get(`draws:${id}`), n = draws.length / areas.length;
  const own = areas.indexOf(area), found = new Float64Array(n);
  if (own >= 0) return found.map((_, r) => low[own] + step[own] * draws[own * n + r]);
  const places = ARRAYS.get("profile_areas");
  let all = 0;
  areas.forEach((part, i) => {
    if (AREAS.level[part] !== FINEST || !isWithin(part, area)) return;
    const weight = people[places.indexOf(part)];
    if (!(weight > 0)) return;
    all += weight;
    for (let r = 0; r < n; r++) found[r] += weight * (low[i] + step[i] * draws[i * n + r]);
  });
  return all > 0 ? found.map(sum => sum / all) : null;
}

// Share of people deprived in all, or in any, of some indicators, from joint profiles: a share for every area of every level.
const owned = new Map();
function ownShares(how, indicators) {
  const key = `${how} ${indicators.join("+")}`;
  if (!owned.has(key)) owned.set(key, readOwn(how, indicators));
  return owned.get(key);
}
function readOwn(how, indicators) {
  const shares = new Float64Array(N_AREAS).fill(NaN), people = new Float64Array(N_AREAS), sums = new Float64Array(N_AREAS);
  const areas = ARRAYS.get("profile_areas");
  if (!areas || !indicators.length) return shares;
  const weight = ARRAYS.get("profile_people"), high = ARRAYS.get("profile_high"), rest = ARRAYS.get("profile_rest"), cells = high.length / areas.length;
  const mask = indicators.reduce((bits, id) => bits | 1 << DATA.profileBits.indexOf(id), 0);
  const counts = Array.from({ length: cells }, (_, cell) => how === "all" ? (cell & mask) === mask : (cell & mask) !== 0);
  areas.forEach((area, i) => {
    let hit = 0, all = 0;
    for (let cell = 0, at = i * cells; cell < cells; cell++, at++) {
      const root = high[at] * 256 + rest[at], share = root * root;
      all += share;
      if (counts[cell]) hit += share;
    }
    for (let larger = area; larger >= 0; larger = AREAS.parent[larger]) {
      people[larger] += weight[i];
      sums[larger] += weight[i] * hit / all;
    }
  });
  return shares.map((_, area) => people[area] > 0 ? sums[area] / people[area] : NaN);
}
