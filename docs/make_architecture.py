"""Draw the house from its imports: the picture and the table of floors in ``docs/architecture.md``.

    python docs/make_architecture.py

Belongs here: reading imports by ``ast``, ``docs/architecture.svg``, and the part of the page between the markers of ``floors``. Does
not belong here: which room is on which floor (``poverty_assets_tests/test_floors.py``), or what a run does (``trace_walk.py``).

The same tree gives the same bytes. An arrow that follows from others (a imports b, b imports c, a imports c) is left out of the
picture and stands in the table.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MARKERS = ("<!-- begin: {} -->", "<!-- end: {} -->")
MARGIN, LABEL, STEP, BOX = 12, 26, 60, 34
GAP, WAY, LETTER = 14, 2.0, 8.2
INK, PAPER, LINE, FADED = "#1f2d3d", "#f4f7fa", "#8aa0b5", "#5b6b7b"
SWEEPS = 24
Node = tuple[Any, ...]
"""A box, ``(room,)``, or a way point of an arrow past a floor, ``(upper, lower, floor)``."""


@dataclass(frozen=True)
class Room:
    """A package or module of the first level: its lines of code, first sentence, and the rooms that it imports."""

    name: str
    lines: int
    sentence: str
    imports: frozenset[str]


def main() -> None:
    """Write the picture and the part of the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--package", type=Path, default=ROOT / "poverty_assets", help="the package's folder")
    options = parser.parse_args()
    rooms = read_rooms(options.package)
    floors = floors_of(rooms)
    (DOCS / "architecture.svg").write_text(picture(rooms, floors), encoding="utf-8")
    page = DOCS / "architecture.md"
    page.write_text(with_part(page.read_text(encoding="utf-8"), "floors", table(rooms, floors)), encoding="utf-8")
    print(f"{len(rooms)} rooms, {sum(len(r.imports) for r in rooms.values())} arrows, {len(floors)} floors")


def floors_of(rooms: dict[str, Room]) -> list[list[str]]:
    """Floors from the ground up, as the tests hold them; a room that they do not know stands on the roof."""
    sys.path.insert(0, str(ROOT))
    from poverty_assets_tests.test_floors import FLOORS

    floors = [[name for name in floor if name in rooms] for floor in FLOORS]
    unknown = sorted(set(rooms) - {name for floor in floors for name in floor})
    return [floor for floor in [*floors, unknown] if floor]


def read_rooms(package: Path) -> dict[str, Room]:
    """Every room of the package, by name."""
    files = {
        path.stem: sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for path in sorted(package.iterdir())
        if (path.is_dir() and (path / "__init__.py").is_file()) or (path.suffix == ".py" and path.stem != "__init__")
    }
    return {name: _room(name, own, package.name, set(files)) for name, own in files.items()}


def _room(name: str, files: list[Path], package: str, known: set[str]) -> Room:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    imports = {room for tree in trees.values() for room in _imported(tree, package) if room in known} - {name}
    first = ast.get_docstring(next(iter(trees.values()))) or ""
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    return Room(name, lines, " ".join(first.split("\n\n")[0].split()).replace("``", "`"), frozenset(imports))


def _imported(tree: ast.Module, package: str) -> set[str]:
    """Rooms named by import statements, wherever they stand."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith(f"{package}.")}


def reduced(rooms: dict[str, Room]) -> list[tuple[str, str]]:
    """Arrows without those that follow from others, sorted."""
    below: dict[str, set[str]] = {}

    def reach(name: str, on_the_way: tuple[str, ...] = ()) -> set[str]:
        if name not in below and name not in on_the_way:
            found = set(rooms[name].imports)
            for other in rooms[name].imports:
                found |= reach(other, (*on_the_way, name))
            below[name] = found
        return below.get(name, set())

    return sorted(
        (name, other)
        for name, room in rooms.items()
        for other in room.imports
        if not any(other in reach(between) for between in room.imports - {other})
    )


@dataclass(frozen=True)
class Drawing:
    """Where everything stands: middle and width of every box and way point, by floor from the ground up."""

    order: list[list[Node]]
    middle: dict[Node, float]
    width: dict[Node, float]
    chains: dict[tuple[str, str], list[Node]]


def drawing(rooms: dict[str, Room], floors: list[list[str]]) -> Drawing:
    """Boxes and, where an arrow passes a floor, way points, so ordered on each floor that arrows cross little."""
    floor = {name: number for number, names in enumerate(floors) for name in names}
    chains: dict[tuple[str, str], list[Node]] = {}
    for upper, lower in reduced(rooms):
        between = range(floor[upper] - 1, floor[lower], -1)  # floors that the arrow passes
        chains[upper, lower] = [(upper,), *((upper, lower, number) for number in between), (lower,)]
    order: list[list[Node]] = [[(name,) for name in sorted(names)] for names in floors]
    for chain in chains.values():
        for point in chain[1:-1]:
            order[point[2]].append(point)
    width = {node: WAY if len(node) == 3 else max(70.0, LETTER * len(node[0]) + 16) for row in order for node in row}
    above, below = _neighbours(chains)
    middle = _spread(order, width, {})
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        linked = above if downwards else below
        for row in reversed(order) if downwards else order:
            wanted = {node: _mean([middle[other] for other in linked[node]], middle[node]) for node in row}
            row.sort(key=lambda node, at=wanted: (at[node], str(node)))
            middle |= _spread([row], width, wanted)
    for _ in range(SWEEPS):
        for row in order:
            wanted = {
                node: _mean([middle[other] for other in [*above[node], *below[node]]], middle[node]) for node in row
            }
            middle |= _spread([row], width, wanted)
    return Drawing(order, middle, width, chains)


def _neighbours(chains: dict[tuple[str, str], list[Node]]) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    above: dict[Node, list[Node]] = defaultdict(list)
    below: dict[Node, list[Node]] = defaultdict(list)
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _spread(order: list[list[Node]], width: dict[Node, float], wanted: dict[Node, float]) -> dict[Node, float]:
    """Middles as near to those wanted as boxes allow that keep their order: the mean of pushing right and pushing left."""
    out: dict[Node, float] = {}
    for row in order:
        pushed: list[list[float]] = []
        for direction in (1, -1):
            nodes = row[::direction]
            at: list[float] = []
            for number, node in enumerate(nodes):
                mine = direction * wanted.get(node, 0.0)
                if number:
                    mine = max(mine, at[-1] + (width[nodes[number - 1]] + width[node]) / 2 + GAP)
                at.append(mine)
            pushed.append([direction * value for value in at][::direction])
        out |= {node: (one + other) / 2 for node, one, other in zip(row, *pushed, strict=True)}
    return out


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def picture(rooms: dict[str, Room], floors: list[list[str]]) -> str:
    """The house as an SVG: the ground floor below, an arrow from who imports to what is imported."""
    d = drawing(rooms, floors)
    left = min(d.middle[node] - d.width[node] / 2 for node in d.middle) - MARGIN - LABEL
    width = max(d.middle[node] + d.width[node] / 2 for node in d.middle) + MARGIN - left
    height = MARGIN * 2 + STEP * len(floors)
    at = {
        node: (d.middle[node] - left, height - MARGIN - STEP * (number + 0.5))
        for number, row in enumerate(d.order)
        for node in row
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"'
        ' font-family="DejaVu Sans, Arial, sans-serif" role="img">',
        "<title>Floors of poverty_assets: each package, its lines, and what it imports</title>",
        f'<defs><marker id="tip" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 0L6 3L0 6z" fill="{LINE}"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height}" fill="#ffffff"/>',
    ]
    for number in range(len(floors)):
        y = height - MARGIN - STEP * number
        parts.append(f'<path d="M{MARGIN} {y}H{width - MARGIN:.0f}" stroke="#e3e9ef"/>')
        parts.append(f'<text x="{MARGIN}" y="{y - STEP / 2 + 4:.0f}" font-size="10" fill="{FADED}">{number}</text>')
    parts += [_arrow(chain, at) for _, chain in sorted(d.chains.items())]
    parts += [_box(rooms[name], at[name,], d.width[name,]) for name in sorted(rooms)]
    return "\n".join([*parts, "</svg>", ""])


def _arrow(chain: list[Node], at: dict[Node, tuple[float, float]]) -> str:
    """A smooth line through the way points: straight down beside boxes, bent between floors."""
    points = [at[node] for node in chain]
    points = [(points[0][0], points[0][1] + BOX / 2), *points[1:-1], (points[-1][0], points[-1][1] - BOX / 2)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        start = y0 + BOX / 2 if number else y0
        end = y1 - BOX / 2 if number < len(points) - 2 else y1
        bend = (end - start) / 2
        path += f"L{x0:.1f} {start:.1f}" if number else ""
        path += f"C{x0:.1f} {start + bend:.1f} {x1:.1f} {end - bend:.1f} {x1:.1f} {end:.1f}"
    return (
        f'<path class="arrow" data-from="{chain[0][0]}" data-to="{chain[-1][0]}" d="{path}" fill="none" stroke="{LINE}"'
        ' stroke-width="1.1" marker-end="url(#tip)"/>'
    )


def _box(room: Room, at: tuple[float, float], width: float) -> str:
    x, y = at
    return (
        f'<g class="room" data-room="{room.name}"><title>{escape(room.sentence)}</title>'
        f'<rect x="{x - width / 2:.1f}" y="{y - BOX / 2:.1f}" width="{width:.1f}" height="{BOX}" rx="5" fill="{PAPER}"'
        f' stroke="{INK}"/>'
        f'<text x="{x:.1f}" y="{y - 2:.1f}" font-size="12" font-weight="bold" fill="{INK}" text-anchor="middle">{room.name}</text>'
        f'<text x="{x:.1f}" y="{y + 12:.1f}" font-size="10" fill="{FADED}" text-anchor="middle">{room.lines:,} lines</text></g>'
    )


def table(rooms: dict[str, Room], floors: list[list[str]]) -> str:
    """The part of the page: the picture, and a row for every room with all that it imports."""
    rows = [
        "![Floors of the house](architecture.svg)",
        "",
        "| floor | room | lines | what it is | imports |",
        "|---|---|---|---|---|",
    ]
    for number, floor in reversed(list(enumerate(floors))):
        for name in sorted(floor):
            room = rooms[name]
            listed = ", ".join(f"`{other}`" for other in sorted(room.imports)) or "nothing of the house"
            rows.append(f"| {number} | `{name}` | {room.lines:,} | {room.sentence.replace('|', '/')} | {listed} |")
    return "\n".join(rows)


def with_part(page: str, name: str, text: str) -> str:
    """The page with the part between the markers of that name replaced."""
    begin, end = (marker.format(name) for marker in MARKERS)
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"the page needs the markers {begin} and {end}, once each")
    return re.sub(
        f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n\n{text}\n\n{end}", page, flags=re.DOTALL
    )


def part_of(page: str, name: str) -> str:
    """What stands between the markers of that name."""
    begin, end = (marker.format(name) for marker in MARKERS)
    return page.split(begin)[1].split(end)[0].strip()


if __name__ == "__main__":
    main()
