"""Fonts for files that carry their letters with them.

Belongs here: which font draws a language on this machine, cut down to the scripts that the language is written in. Does not belong
here: fonts of pages, which the reader's browser finds.

A pack names families (``languages`` of country.yaml). They are sought among installed packages of fontpkg, then in the folders where a
system keeps its fonts; letters that every machine can draw come with matplotlib.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poverty_assets.atomic import replacing
from poverty_assets.kept import digest_of_code, digest_of_values, is_made_anew, let_go

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path("/Library/Fonts"),
)
"""Where systems keep fonts."""
_MOST = 16  # files that a folder keeps: two a language
_BLOCK = 256
_ALWAYS = (range(0x20, 0x17F), range(0x2000, 0x2070), range(0x2200, 0x2213))
"""Latin letters, punctuation, minus."""


@dataclass(frozen=True)
class Face:
    """Two font files of one family, small enough to be read for every file that is made."""

    regular: Path
    bold: Path


def face_for(text: str, families: str, folder: Path, name: str) -> Face | None:
    """A face that has every letter of a text; None where this machine has none.

    Parameters
    ----------
    text : str
        All that is written in the language.
    families : str
        CSS font-family list of the pack; may be empty.
    folder : Path
        Where the two files are written, and found again by whoever cuts the same.
    name : str
        Begins the names of the files.
    """
    needed = {ord(letter) for letter in text if unicodedata.category(letter)[0] in "LM"}
    for regular, bold in _candidates(families):
        if needed <= _letters_of(regular):
            return Face(
                *(_kept(font, needed, folder, f"{name}-{of}", of) for font, of in ((regular, 400), (bold, 700)))
            )
    return None


def _candidates(families: str) -> Iterator[tuple[Path, Path]]:
    """Font files, regular and bold, in the pack's order, the one of every machine last; a variable font is both."""
    named = [family.strip().strip("\"'") for family in families.split(",") if family.strip()]
    for family in named:
        packed = _of_package(family)
        if packed:
            yield packed, packed
    there = (
        {path.stem.replace("-", "").lower(): path for folder in FOLDERS for path in sorted(folder.rglob("*.ttf"))}
        if named
        else {}
    )
    for family in named:
        stem = family.replace(" ", "").lower()
        regular = there.get(f"{stem}regular") or there.get(stem)
        if regular:
            yield regular, there.get(f"{stem}bold", regular)
    import matplotlib

    plain = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    yield plain / "DejaVuSans.ttf", plain / "DejaVuSans-Bold.ttf"


def _of_package(family: str) -> Path | None:
    try:
        import fontpkg
    except ImportError:
        return None
    try:
        return Path(fontpkg.path(family))
    except fontpkg.FontpkgError:
        return None


def _letters_of(font: Path) -> set[int]:
    from fontTools.ttLib import TTFont

    with TTFont(font, lazy=True) as opened:
        return set(opened.getBestCmap())


def _kept(font: Path, needed: set[int], folder: Path, name: str, weight: int) -> Path:
    """The font cut down to the scripts of these letters, whole, and one weight: under a name that tells all that it was made of.

    Whole scripts are kept: parts of letters that a text joins are letters of their own, and would be missed.
    """
    letters = {code for letter in needed for code in range(letter // _BLOCK * _BLOCK, (letter // _BLOCK + 1) * _BLOCK)}
    letters |= {code for block in _ALWAYS for code in block}
    code = digest_of_code(("reports/passed_on/fonts.py",), ("fonttools",))
    made_of = digest_of_values(hashlib.sha256(font.read_bytes()).hexdigest(), sorted(letters), weight, code)
    target = folder / f"{name}-{made_of[:32]}.ttf"
    if is_made_anew() or not target.is_file():
        with replacing(target) as temporary:
            _cut(font, letters, temporary, weight)
    os.utime(target)  # used now: others go first
    let_go(folder.glob("*.ttf"), _MOST)
    return target


def _cut(font: Path, letters: set[int], target: Path, weight: int) -> None:
    """Write the font with these letters and one weight; the same font gives the same bytes."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    options = subset.Options(
        layout_features=["*"], notdef_outline=True, recalc_timestamp=False, hinting=False, drop_tables=["FFTM"]
    )
    opened: Any = TTFont(font, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=letters)
    cutter.subset(opened)
    if "fvar" in opened:
        axes = {axis.axisTag: weight if axis.axisTag == "wght" else axis.defaultValue for axis in opened["fvar"].axes}
        opened = instancer.instantiateVariableFont(opened, axes)
    opened.save(target)
