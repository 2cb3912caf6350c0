"""Files in the layout of a publisher, of any country: a workbook of OPHI's, a raster.

Belongs here: writing one file of a form. Does not belong here: a whole folder (``landing``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import rasterio
from rasterio.transform import from_origin

INDICATORS = (
    "Nutrition", "Child mortality", "Years of schooling", "School attendance", "Cooking \nfuel", "Sanitation",
    "Drinking water", "Electricity", "Housing", "Assets",
)  # fmt: skip


def write_workbook(
    path: Path, areas: dict[str, tuple[float, ...]], table: str, first: int, country: tuple[str, str]
) -> None:
    """OPHI's layout: header in rows 5 to 8, the country's code and name in the second and third column, a region's name in the seventh."""
    number = {"mpi": "1", "censored": "2", "contribution": "3", "errors": "5" if table == "1" else "4",
              "uncensored": "6" if table == "1" else "5", "sample": "7" if table == "1" else "6"}  # fmt: skip
    book = openpyxl.Workbook()
    book.remove(book.active)
    for family, digit in number.items():
        sheet = book.create_sheet(f"{table}.{digit} {family}")
        rows: list[list[Any]] = [[None] * (first + 11) for _ in range(9)]
        values: dict[str, list[float]] = {}
        if family == "mpi":
            rows[4][first] = "Multidimensional poverty by region"
            titles = ("Multidimensional Poverty Index (MPI = H*A)", "Headcount ratio: Population in multidimensional poverty (H)",
                      "Intensity of deprivation among the poor (A)", "Vulnerable to poverty", "In severe poverty")  # fmt: skip
            rows[5][first : first + 5] = titles
            values = {name: list(figures) for name, figures in areas.items()}
        elif family == "errors":
            rows[5][first : first + 8] = ["Point estimate", "Standard error", "Lower", "Upper"] * 2
            values = {
                name: [m[0], 0.003, m[0] * 0.9, m[0] * 1.1, m[1], 0.66, m[1] * 0.9, m[1] * 1.1]
                for name, m in areas.items()
            }
        elif family == "sample":
            rows[7][first] = "Number of observations"
            values = {name: [1000.0] for name in areas}
        else:
            rows[6][first : first + 10] = INDICATORS
            share = {"censored": 7.0052, "uncensored": 15.0, "contribution": 10.0}[family]
            values = {name: [share] * 10 for name in areas}
        for row in rows:
            sheet.append(row)
        for name, figures in values.items():
            lead = [116, *country, "a world region", "DHS", "2021-2022", *([name] if name else [])]
            sheet.append([*lead, *([None] * (first - len(lead))), *figures])
    book.save(path)


def write_raster(
    path: Path, values: np.ndarray, cell: float, corner: tuple[float, float], crs: str | None = "EPSG:4326"
) -> None:
    """A GeoTIFF whose north-west corner lies at ``corner``."""
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": "float32",
        "nodata": -9999.0,
    }
    with rasterio.open(path, "w", crs=crs, transform=from_origin(*corner, cell, cell), **profile) as data:
        data.write(values.astype("float32"), 1)
