// What the page knows, and how figures are read from their coding (codec.py). Nothing here draws or names anything.
const DATA = JSON.parse(document.getElementById("data").textContent);
const AREAS = DATA.areas;
const N_AREAS = AREAS.id.length;
const LEVELS = DATA.levels;
const FINEST = LEVELS.length - 1; // 0 is the country
const NEWEST = DATA.quarters.length - 1;
const NO_FIGURE = 2 ** 32 - 1, WITHHELD = 2 ** 32 - 2, NO_BUNDLE = 2 ** 16 - 1;
const SCALES = { share: { least: 0, steps: 1000, parts: 15 }, difference: { least: -1, steps: 2000, parts: 1 } };
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";
const DIGIT = new Uint8Array(128);
for (let i = 0; i < 85; i++) DIGIT[ALPHABET.charCodeAt(i)] = i;

function words32(text) {
  const out = new Uint32Array(text.length / 5);
  for (let i = 0, at = 0; i < out.length; i++) {
    let word = 0;
    for (let end = at + 5; at < end; at++) word = word * 85 + DIGIT[text.charCodeAt(at)];
    out[i] = word;
  }
  return out;
}

function words16(text) {
  const whole = words32(text), out = new Uint16Array(whole.length * 2);
  for (let i = 0; i < whole.length; i++) {
    out[2 * i] = whole[i] >>> 16;
    out[2 * i + 1] = whole[i] & 0xffff;
  }
  return out;
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

const decoded = new Map();
function codes(text) {
  if (!decoded.has(text)) decoded.set(text, words32(text));
  return decoded.get(text);
}

function estimate(id, quarter, area) {
  const figure = DATA.figures[id];
  const text = figure && entry(figure.quarters, quarter);
  return text ? unpack(codes(text)[area], SCALES[figure.scale]) : { state: "none" };
}

function method(id, quarter, area) {
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
  const packed = DATA.bundles.quarters[quarter];
  if (!packed) return [];
  if (!packed.read) packed.read = { mask: words16(packed.mask), share: words32(packed.share), expected: words16(packed.expected) };
  const { mask, share, expected } = packed.read, top = DATA.bundles.top, found = [];
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
