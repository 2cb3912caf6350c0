// Inflating (RFC 1950 and 1951): by the browser where it can, else here, as browsers of before 2023 need it.
async function inflate(bytes) {
  if (!("DecompressionStream" in window)) return inflateHere(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

function inflateHere(bytes) {
  let at = 2, bits = 0, held = 0, out = new Uint8Array(bytes.length * 4), end = 0;
  const take = n => { while (held < n) { bits |= bytes[at++] << held; held += 8; } const value = bits & (1 << n) - 1; bits >>>= n; held -= n; return value; };
  const room = n => { if (end + n > out.length) { const more = new Uint8Array(Math.max(out.length * 2, end + n)); more.set(out); out = more; } };
  const tree = lengths => {
    const counts = new Uint16Array(16), starts = new Uint16Array(16), symbols = new Uint16Array(lengths.length);
    lengths.forEach(length => { counts[length]++; });
    counts[0] = 0;
    for (let i = 1; i < 15; i++) starts[i + 1] = starts[i] + counts[i];
    lengths.forEach((length, symbol) => { if (length) symbols[starts[length]++] = symbol; });
    return { counts, symbols };
  };
  const symbol = ({ counts, symbols }) => {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length++) {
      code |= take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length];
      first = first + counts[length] << 1;
      code <<= 1;
    }
    throw new Error("the data of this page are damaged");
  };
  const steps = (first, groups) => { const found = []; let base = first; groups.forEach(([n, extra]) => { for (let i = 0; i < n; i++) { found.push([base, extra]); base += 1 << extra; } }); return found; };
  const LENGTHS = steps(3, [[8, 0], [4, 1], [4, 2], [4, 3], [4, 4], [4, 5]]);
  LENGTHS[28] = [258, 0];
  const DISTANCES = steps(1, [[4, 0], ...Array.from({ length: 13 }, (_, i) => [2, i + 1])]);
  for (let last = 0; !last;) {
    last = take(1);
    const kind = take(2);
    if (kind === 0) {
      bits = held = 0;
      const n = bytes[at] | bytes[at + 1] << 8;
      room(n);
      out.set(bytes.subarray(at + 4, at + 4 + n), end);
      at += 4 + n; end += n;
      continue;
    }
    let codes = tree(Array.from({ length: 288 }, (_, i) => i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)), reaches = tree(new Array(30).fill(5));
    if (kind === 2) {
      const nCodes = take(5) + 257, nReaches = take(5) + 1, nLengths = take(4) + 4, own = new Array(19).fill(0), lengths = [];
      for (let i = 0; i < nLengths; i++) own[[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15][i]] = take(3);
      const lengthCodes = tree(own);
      while (lengths.length < nCodes + nReaches) {
        const one = symbol(lengthCodes);
        if (one < 16) lengths.push(one);
        else { const value = one === 16 ? lengths[lengths.length - 1] : 0; for (let n = one === 16 ? 3 + take(2) : one === 17 ? 3 + take(3) : 11 + take(7); n; n--) lengths.push(value); }
      }
      codes = tree(lengths.slice(0, nCodes));
      reaches = tree(lengths.slice(nCodes));
    }
    for (;;) {
      const one = symbol(codes);
      if (one === 256) break;
      if (one < 256) { room(1); out[end++] = one; continue; }
      const [base, extra] = LENGTHS[one - 257], n = base + take(extra), [far, more] = DISTANCES[symbol(reaches)], back = far + take(more);
      room(n);
      for (let i = 0; i < n; i++, end++) out[end] = out[end - back];
    }
  }
  return out.buffer.slice(0, end);
}
