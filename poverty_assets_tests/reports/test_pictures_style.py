"""Every picture of the UI is drawn in one style, begun and ended in one place, and true to shape."""

import ast
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from poverty_assets.reports import explorer, pictures
from poverty_assets.reports.pictures import drawing
from poverty_assets.reports.pictures.drawing import raster_map
from poverty_assets.reports.pictures.style import FEW_TO_MANY, LESS_TO_MORE, STYLE, in_style
from poverty_assets.reports.quarterly import maps
from poverty_assets.sources.raster import Raster
from poverty_assets.warehouse import qgis

ROOM = Path(pictures.__file__).parent


def test_the_style_holds_while_a_picture_is_drawn_and_no_longer():
    before = {name: mpl.rcParams[name] for name in STYLE}

    @in_style
    def draw():
        return {name: mpl.rcParams[name] for name in STYLE}

    assert draw() == STYLE
    assert {name: mpl.rcParams[name] for name in STYLE} == before != STYLE


def test_whatever_ends_a_picture_draws_it_in_style():
    bare = []
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            called = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
            if isinstance(node, ast.FunctionDef) and called & {"png_of", "Figure", "blank"} and path.stem != "style":
                styled = "in_style" in map(ast.unparse, node.decorator_list) or node.name == "_figure"
                bare += [] if styled else [f"{path.stem}.{node.name}"]
                bare += [f"{path.stem}.{node.name}: Figure"] if "Figure" in called else []
    assert bare == []


def test_maps_of_the_explorer_reports_exports_and_the_ui_go_from_light_to_dark():
    script = (Path(explorer.__file__).parent / "static" / "colour.js").read_text()
    of_page = {name: re.findall(r"#\w{6}", list_) for name, list_ in re.findall(r"(\w+): \[([^\]]+)\]", script)}
    steps = np.linspace(0, 1, 7)
    palettes = [of_page["sequential"], maps.FEW_TO_MANY, qgis.FEW_TO_MANY, mpl.colormaps[FEW_TO_MANY](steps)]
    for palette in palettes:
        light = [np.dot(mpl.colors.to_rgb(colour), (0.2126, 0.7152, 0.0722)) for colour in palette]
        assert light == sorted(light, reverse=True)
    for ends in (of_page["diverging"], mpl.colormaps[LESS_TO_MORE](steps)):
        less, more = (mpl.colors.to_rgb(ends[place]) for place in (0, -1))
        assert (less[2] > less[0], more[0] > more[2]) == (True, True)  # purple is fewer, orange more


@pytest.mark.parametrize(("crs", "aspect"), [("EPSG:4326", 2.0), ("EPSG:32648", 1.0)])
def test_a_raster_is_true_to_shape_in_degrees_and_in_metres(monkeypatch, crs, aspect):
    seen = []
    monkeypatch.setattr(drawing, "png_of", lambda figure, simulated: seen.append(figure.axes[0].get_aspect()) or b"")
    raster_map(Raster(np.arange(4.0).reshape(2, 2), (0.0, 59.0, 2.0, 61.0), crs, "m"), "Height", False)
    assert seen == [pytest.approx(aspect)]
