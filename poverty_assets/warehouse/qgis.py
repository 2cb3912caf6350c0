"""How an exported layer looks in QGIS: a graduated style, and what its columns are called.

Belongs here: QGIS's own form of a style (QML), and the table in which a GeoPackage keeps styles. Does not belong here: layers and their
rows (``export``, ``export_files``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    import pyarrow as pa

FEW_TO_MANY = ("#ffffd4", "#fed98e", "#fe9929", "#d95f0e", "#993404")
"""Five classes of one quantity, light is few and dark is many (ColorBrewer YlOrBr), as on the explorer's page."""
OUTLINE = "#ffffff"
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_COLUMNS = """id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30),
ui TEXT(30), update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))"""
_CONTENTS = "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) VALUES (?, 'attributes', ?, '', ?)"


def classes(values: Sequence[float], n: int = len(FEW_TO_MANY)) -> list[tuple[float, float]]:
    """Bounds of classes that hold about as many values each, from the smallest to the largest.

    Examples
    --------
    >>> classes([0.1, 0.2, 0.3, 0.4], 2)
    [(0.1, 0.25), (0.25, 0.4)]
    """
    import numpy as np

    edges = np.unique(np.round(np.quantile(np.asarray(values, dtype=float), np.linspace(0, 1, n + 1)), 4))
    edges[0], edges[-1] = min(values), max(values)
    if len(edges) == 1:
        return [(float(edges[0]), float(edges[0]))]
    return [(float(low), float(high)) for low, high in pairwise(edges)]


def style_of(data: pa.Table) -> str | None:
    """The style of rows with boundaries: by the headcount ratio, or by the estimate; None where they have neither."""
    for attribute in ("headcount_ratio", "estimate"):
        if attribute in data.column_names:
            values = [value for value in data.column(attribute).to_pylist() if value is not None]
            return graduated_style(attribute, values, {c: alias_of(c) for c in data.column_names if c != "geometry"})
    return None


def alias_of(column: str) -> str:
    """What a column is called where people read it.

    Examples
    --------
    >>> alias_of("headcount_ratio_ci_low"), alias_of("register_rate")
    ('Headcount ratio, lower bound', 'Register rate')
    """
    words = column.removesuffix("_ci_low").removesuffix("_ci_high").replace("_", " ").strip()
    if "name" in words.split() and len(words.split()[-1]) in (2, 3):
        words = f"{words.rsplit(' ', 1)[0]} ({words.rsplit(' ', 1)[1]})"
    bound = {"_ci_low": ", lower bound", "_ci_high": ", upper bound"}
    return words[:1].upper() + words[1:] + next((text for end, text in bound.items() if column.endswith(end)), "")


def graduated_style(attribute: str, values: Sequence[float], aliases: Mapping[str, str]) -> str:
    """A style as QGIS writes it (QML): areas in classes of a column, from light to dark, with names for its columns.

    Parameters
    ----------
    attribute : str
        Column of shares.
    values : sequence of float
        Its values, without those that are missing.
    aliases : mapping
        What each column is called where people read it.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology|Fields|Forms")
    renderer = ET.SubElement(
        root, "renderer-v2", type="graduatedSymbol", attr=attribute, graduatedMethod="GraduatedColor", symbollevels="0", forceraster="0",
        enableorderby="0",
    )  # fmt: skip
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    bounds = classes(values) if values else []
    for number, (low, high) in enumerate(bounds):
        label = f"{100 * low:.1f} to {100 * high:.1f}%"
        ET.SubElement(
            ranges, "range", symbol=str(number), lower=repr(low), upper=repr(high), label=label, render="true"
        )
        shade = FEW_TO_MANY[round(number * (len(FEW_TO_MANY) - 1) / max(len(bounds) - 1, 1))]
        _fill(symbols, str(number), shade)
    ET.SubElement(renderer, "classificationMethod", id="Custom")
    named = ET.SubElement(root, "aliases")
    for index, (column, name) in enumerate(aliases.items()):
        ET.SubElement(named, "alias", field=column, index=str(index), name=name)
    ET.SubElement(root, "previewExpression").text = '"name_en"'
    ET.SubElement(root, "layerGeometryType").text = "2"
    ET.indent(root, " ")
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _fill(symbols: ET.Element, name: str, shade: str) -> None:
    symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ET.SubElement(symbol, "layer", attrib={"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = {
        "color": _rgba(shade),
        "outline_color": _rgba(OUTLINE),
        "outline_style": "solid",
        "outline_width": "0.1",
        "style": "solid",
    }
    held = ET.SubElement(layer, "Option", type="Map")
    for key, value in options.items():
        ET.SubElement(held, "Option", name=key, value=value, type="QString")
        ET.SubElement(layer, "prop", k=key, v=value)


def _rgba(shade: str) -> str:
    """A colour as QGIS writes it: ``255,255,212,255``."""
    return ",".join(str(int(shade[i : i + 2], 16)) for i in (1, 3, 5)) + ",255"


def add_styles(geopackage: Path, styles: Mapping[str, str], at: str) -> None:
    """Put a style a layer into a GeoPackage, as its default; ``at`` is the moment that it says."""
    connection = sqlite3.connect(geopackage)
    try:
        with connection:
            connection.execute(f"CREATE TABLE layer_styles ({_COLUMNS})")
            connection.execute(_CONTENTS, ("layer_styles", "layer_styles", at))
            for layer, style in styles.items():
                (column,) = connection.execute(
                    "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (layer,)
                ).fetchone()
                connection.execute(
                    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,"
                    " styleSLD, useAsDefault, description, owner, update_time) VALUES ('', '', ?, ?, ?, ?, '', 1, '', '', ?)",
                    (layer, column, layer[:30], style, at),
                )
    finally:
        connection.close()
