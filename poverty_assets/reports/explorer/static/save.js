// Downloads: tables as CSV and as a workbook with their codebook, charts and maps as pictures with every source.
const fileName = text => text.replace(/[^\w-]+/g, "_");

function sourceTitles(quarter) { return DATA.sources.filter(source => source.quarters.includes(quarter)); }
function sourcesText(quarter) { return sourceTitles(quarter).map(source => told(source.title)).join("; "); }
function sourceNote(quarter) {
  const titles = sourceTitles(quarter).map(({ title, publisher, licence }) => `${told(title)} (${[publisher, licence].filter(Boolean).join(", ")})`);
  return `${countryName()}, ${quarterName(quarter)}. ${t("sources")}: ${titles.join("; ")}. ${byId("build").textContent}`;
}

// Buttons of a table, a chart (``spec``) or a drawing (``draw``).
function tools(title, file, { columns, rows, spec, draw, quarter }) {
  const button = (form, act) => make("button", { type: "button", class: `save ${form}`, "aria-label": t("download_of", { chart: title, form: form.toUpperCase() }), onclick: act }, t(`download_${form}`));
  const name = DATA.simulated ? `SIMULATED-${file}` : file, table = () => exported(title, columns, typeof rows === "function" ? rows() : rows, quarter);
  return [
    button("csv", () => { save(`${name}-codebook.csv`, csvOf(codebook(table(), title, quarter)), "text/csv"); save(`${name}.csv`, csvOf(sheetOf(table())), "text/csv"); }),
    button("xlsx", () => save(`${name}.xlsx`, workbook([[t("sheet_data"), sheetOf(table())], [t("sheet_codebook"), codebook(table(), title, quarter)]]), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
    spec || draw ? button("png", async () => saveBlob(`${name}.png`, await (draw ? blobOfCanvas(draw()) : chartPicture(title, spec, quarter)))) : null,
  ];
}

// A table's columns as a machine reads them: {name, meaning, unit, cells}; numbers are numbers, shares are 0 to 1.
function exported(title, columns, rows, quarter) {
  const out = [], add = (name, meaning, read, unit = "") => out.push({ name, meaning, unit, cells: rows.map(read) });
  if (rows.some(row => row.area !== undefined)) {
    add("area_id", t("column_area_id"), row => AREAS.id[row.area]);
    add("area_level", t("level"), row => LEVELS[AREAS.level[row.area]].id);
    for (const { code, name } of LANGUAGES) add(`name_${code}`, `${t("area")} (${name})`, row => (AREAS.names[code] || [])[row.area] || "");
    for (const { code, name } of LANGUAGES) add(`within_${code}`, `${t("within")} (${name})`, row => areaPath(row.area, code));
  }
  const estimates = { value: ["estimate", "v"], low: ["ci_low", "lo"], high: ["ci_high", "hi"] };
  for (const { key, title: meaning, raw, unit } of columns) {
    if (["id", "name", "path"].includes(key) && out.length && rows.some(row => row.area !== undefined)) continue;
    if (key === "interval") {
      add("ci_low", t("low"), row => row.lo ?? "", t("unit_share"));
      add("ci_high", t("high"), row => row.hi ?? "", t("unit_share"));
    } else if (key in estimates && rows.some(row => "v" in row)) {
      const [name, field] = estimates[key];
      if (!out.some(column => column.name === name)) add(name, meaning, row => row[field] ?? "", unit ?? t("unit_share"));
    } else add(key === "about" ? "people" : key, meaning, row => row[raw || key] ?? "", unit);
  }
  if (rows.some(row => row.state && row.state !== "known")) add("state", t("column_state"), row => row.state);
  add("quarter", t("quarter"), () => quarterName(quarter));
  add("is_simulated", t("column_simulated"), () => DATA.simulated);
  return out;
}
function sheetOf(columns) { return [columns.map(({ name }) => name), ...(columns[0] ? columns[0].cells.map((_, i) => columns.map(({ cells }) => cells[i])) : [])]; }
function codebook(columns, title, quarter) {
  const notes = [[t("table"), title, ""], [t("sources"), sourceNote(quarter), ""]];
  if (DATA.simulated) notes.unshift([t("simulated_stamp"), t("simulated_long"), ""]);
  return [["column", "meaning", "unit"], ...columns.map(({ name, meaning, unit }) => [name, meaning, unit || ""]), ...notes];
}

function csvOf(lines) {
  // A spreadsheet would take a text that begins so for a formula; numbers, below 0 too, stay as they are.
  const inert = value => typeof value === "string" && /^[=+\-@\t\r]/.test(value) && isNaN(value) ? `'${value}` : String(value ?? "");
  const cell = value => /[",\r\n]/.test(inert(value)) ? `"${inert(value).replace(/"/g, '""')}"` : inert(value);
  return "\ufeff" + lines.map(line => line.map(cell).join(",")).join("\r\n") + "\r\n";
}

// An Excel workbook: text is text (a code keeps its leading nought), numbers are numbers. Parts are stored, not deflated.
function workbook(sheets) {
  const xml = text => String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n', main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships", rels = "http://schemas.openxmlformats.org/package/2006/relationships";
  const cell = value => typeof value === "number" ? `<c><v>${value}</v></c>` : typeof value === "boolean" ? `<c t="b"><v>${Number(value)}</v></c>` : `<c t="inlineStr"><is><t xml:space="preserve">${xml(value ?? "")}</t></is></c>`;
  const sheet = lines => `${head}<worksheet xmlns="${main}"><sheetData>${lines.map(line => `<row>${line.map(cell).join("")}</row>`).join("")}</sheetData></worksheet>`;
  const files = {
    "[Content_Types].xml": `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>${sheets.map((_, i) => `<Override PartName="/xl/worksheets/sheet${i + 1}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`).join("")}</Types>`,
    "_rels/.rels": `${head}<Relationships xmlns="${rels}"><Relationship Id="r1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `${head}<workbook xmlns="${main}" xmlns:r="${office}"><sheets>${sheets.map(([name], i) => `<sheet name="${xml(name)}" sheetId="${i + 1}" r:id="r${i + 1}"/>`).join("")}</sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `${head}<Relationships xmlns="${rels}">${sheets.map((_, i) => `<Relationship Id="r${i + 1}" Type="${office}/worksheet" Target="worksheets/sheet${i + 1}.xml"/>`).join("")}</Relationships>`,
  };
  sheets.forEach(([, lines], i) => { files[`xl/worksheets/sheet${i + 1}.xml`] = sheet(lines); });
  return zipped(files);
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => { for (let i = 0; i < 8; i++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1; return n; });
function crcOf(bytes) {
  let crc = -1;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ crc >>> 8;
  return (crc ^ -1) >>> 0;
}
function zipped(files) {
  const parts = [], index = [];
  let at = 0;
  const numbers = fields => { const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0))); let to = 0; for (const [value, size] of fields) { if (size === 4) view.setUint32(to, value, true); else view.setUint16(to, value, true); to += size; } return new Uint8Array(view.buffer); };
  for (const [name, text] of Object.entries(files)) {
    const label = new TextEncoder().encode(name), bytes = new TextEncoder().encode(text);
    const common = [[20, 2], [0x800, 2], [0, 2], [0, 2], [33, 2], [crcOf(bytes), 4], [bytes.length, 4], [bytes.length, 4], [label.length, 2], [0, 2]];
    parts.push(numbers([[0x04034b50, 4], ...common]), label, bytes);
    index.push(numbers([[0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]]), label);
    at += 30 + label.length + bytes.length;
  }
  const size = index.reduce((sum, bytes) => sum + bytes.length, 0), n = Object.keys(files).length;
  return new Blob([...parts, ...index, numbers([[0x06054b50, 4], [0, 2], [0, 2], [n, 2], [n, 2], [size, 4], [at, 4], [0, 2]])]);
}

// A text in lines that fit a width.
function wrapped(pen, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

async function chartPicture(title, spec, quarter) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `12px ${FONTS}`;
  const sized = JSON.parse(JSON.stringify({ ...spec, title: { text: wrapped(pen, title, 640), subtitle: [stampText(), ...wrapped(pen, sourceNote(quarter), 740)].filter(Boolean) } }));
  if (sized.width === "container") sized.width = 760;
  const box = make("div", { class: "offstage", "aria-hidden": "true" });
  document.body.append(box);
  const view = await draw(box, sized);
  const picture = await view.toImageURL("png", 2);
  view.finalize();
  box.remove();
  return blobOf(picture);
}

// A data address as a blob; the page's policy allows no fetching, not even of itself.
function blobOf(address) {
  const bytes = atob(address.split(",")[1]);
  return new Blob([Uint8Array.from(bytes, c => c.charCodeAt(0))], { type: "image/png" });
}
function blobOfCanvas(canvas) { return new Promise(done => canvas.toBlob(done, "image/png")); }

function save(name, content, type) { saveBlob(name, new Blob([content], { type })); }
function saveBlob(name, blob) {
  const address = URL.createObjectURL(blob);
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  say(t("downloaded", { file: name }));
}
