"""Small files in the formats of real providers, and a bucket that answers as S3 does.

Belongs here: what tests of fetching serve. Numbers are made up so that they can be checked in the head.
"""

from __future__ import annotations

import io

import h5py
import numpy as np
import osmium
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely
from pyhdf.SD import SD, SDC
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds
from scipy.io import netcdf_file

VARIABLE = "AllAngle_Composite_Snow_Free"
OF_BUCKETS = "http://s3.amazonaws.com/doc/2006-03-01/"
NAMES = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"


def scene(stored, crs="EPSG:4326", box=(99.0, 9.0, 103.0, 13.0)):
    """A scene of one stored number everywhere, in cells of some tenth of a degree."""
    west, south, east, north = box if crs == "EPSG:4326" else transform_bounds("EPSG:4326", crs, *box)
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=40, height=40, count=1, dtype="uint16", crs=crs,
            transform=from_origin(west, north, (east - west) / 40, (north - south) / 40),
        ) as out:  # fmt: skip
            out.write(np.full((40, 40), stored, dtype="uint16"), 1)
        return memory.read()


def tile(radiance, looks, variable=VARIABLE):
    """A tile of ten degrees in cells of a tenth."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        group = file.create_group("HDFEOS/GRIDS/VIIRS_Grid_DNB_2d/Data Fields")
        group.create_dataset(variable, data=np.broadcast_to(np.float32(radiance), (100, 100)))
        group.create_dataset(f"{VARIABLE}_Num", data=np.broadcast_to(np.uint16(looks), (100, 100)))
    return data.getvalue()


def modis_tile(path, stored, variable="250m 16 days NDVI", rows=120):
    """A tile of MODIS in HDF4, of one stored number and, in its first column, of none."""
    values = np.full((rows, rows), stored, dtype="int16")
    values[:, 0] = -3000
    file = SD(str(path), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
    data = file.create(variable, SDC.INT16, values.shape)
    data[:] = values
    data.long_name = "16 day NDVI average"
    data.endaccess()
    file.end()
    return path.read_bytes()


def netcdf(name="avg_dis", days=(1.0, 5.0, 3.0), **attributes):
    """Days of one variable in four by four cells of half a degree around the country, as NetCDF (version 3), beside another variable."""
    data = io.BytesIO()
    file = netcdf_file(data, "w")
    for axis, values in (
        ("time", np.arange(len(days))),
        ("latitude", 11.75 - 0.5 * np.arange(4)),
        ("longitude", 100.25 + 0.5 * np.arange(4)),
    ):
        file.createDimension(axis, len(values))
        made = file.createVariable(axis, "f8", (axis,))
        made[:] = values
        made.units = {"time": "days since 2026-07-01", "latitude": "degrees_north", "longitude": "degrees_east"}[axis]
        made.standard_name = axis
    for named, factor, said in ((name, 1.0, attributes), ("sd", 0.0, {"long_name": "Snow depth"})):
        made = file.createVariable(named, "f4", ("time", "latitude", "longitude"))
        made[:] = factor * np.array(days)[:, None, None] * np.arange(16).reshape(4, 4)
        for attribute, text in said.items():
            setattr(made, attribute, text)
    file.flush()
    return data.getvalue()


def extract_of_roads(folder, second="primary"):
    """Three nodes, a road and a path over them, and a school around a square."""
    file = folder / "a.osm.pbf"
    node, way = osmium.osm.mutable.Node, osmium.osm.mutable.Way
    places = {1: (101.0, 11.0), 2: (101.1, 11.0), 3: (101.1, 11.1), 4: (101.0, 11.1)}
    with osmium.SimpleWriter(str(file)) as out:
        for number, place in places.items():
            out.add_node(node(id=number, location=place, tags={"amenity": "clinic"} if number == 1 else {}, version=1))
        out.add_way(way(id=10, nodes=[1, 2, 3], tags={"highway": second, "name": "5"}, version=1))
        out.add_way(way(id=11, nodes=[1, 2], tags={"highway": "footway"}, version=1))
        out.add_way(way(id=12, nodes=[1, 2, 3, 4, 1], tags={"amenity": "school"}, version=1))
    return file.read_bytes()


def shapes(longitudes):
    """A file with a row group for each point at 11 degrees north."""
    points = [shapely.Point(longitude, 11.0) for longitude in longitudes]
    table = pa.table({
        "id": [f"p{longitude}" for longitude in longitudes],
        "names": [{"primary": f"Place {longitude}"} for longitude in longitudes],
        "bbox": [{"xmin": p.x, "xmax": p.x, "ymin": p.y, "ymax": p.y} for p in points],
        "geometry": shapely.to_wkb(points).tolist(),
        "kind": ["road" if longitude < 101 else "rail" for longitude in longitudes],
        "x": longitudes, "y": [11.0] * len(points),
        "weight": ["x" * 1000] * len(points),
    })  # fmt: skip
    data = io.BytesIO()
    pq.write_table(table, data, row_group_size=1)
    return data.getvalue()


class Bucket:
    """A bucket that is listed and read as S3 is."""

    def __init__(self, provider, name="maps"):
        self.provider, self.keys, self.name, self.at_once = provider, {}, name, 1000
        provider.answers[f"/{name}"] = self.listed

    def put(self, key, data):
        self.keys[key] = len(data)
        self.provider.put(f"/{self.name}/{key}", data)

    def listed(self, words):
        prefix = words.get("prefix", "")
        keys = [key for key in sorted(self.keys) if key.startswith(prefix)]
        if words.get("delimiter"):
            keys, folders = [], sorted({key[: key.index("/", len(prefix)) + 1] for key in keys})
        else:
            folders = []
        first = int(words.get("continuation-token", 0))
        following = first + self.at_once if first + self.at_once < len(keys) else ""
        keys = keys[first : first + self.at_once]
        said = "".join(
            f'<Contents><Key>{key.replace("=", "&#61;")}</Key><Size>{self.keys[key]}</Size><ETag>"1"</ETag>'
            "<LastModified>2026-09-20T00:00:00.000Z</LastModified></Contents>"
            for key in keys
        )
        said += "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
        said += f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
        return f'<ListBucketResult xmlns="{OF_BUCKETS}"><Name>{self.name}</Name>{said}</ListBucketResult>'.encode()


def catalogue(releases):
    """A STAC catalogue of releases, the newest first as Overture's."""
    links = [{"rel": "child", "href": f"./{release}/catalog.json", "type": "application/json"} for release in releases]
    return {"type": "Catalog", "id": "Releases", "stac_version": "1.1.0", "latest": releases[0] if releases else "",
            "links": [{"rel": "root", "href": "./catalog.json"}, *links]}  # fmt: skip


def answer(rows):
    """A message of generic data: a series for each area, an observation for each year."""
    series = "".join(
        f'<g:Series><g:SeriesKey><g:Value id="AREA" value="{area}"/></g:SeriesKey>'
        + "".join(
            f'<g:Obs><g:ObsDimension value="{year}"/><g:ObsValue value="{value}"/></g:Obs>' for year, value in years
        )
        + "</g:Series>"
        for area, years in rows.items()
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><m:GenericData xmlns:m="{NAMES}/message" xmlns:c="{NAMES}/common"'
        f' xmlns:g="{NAMES}/data/generic"><m:Header><m:ID>1</m:ID><m:Test>false</m:Test>'
        '<m:Prepared>2026-01-01T00:00:00</m:Prepared><m:Sender id="NSO"/>'
        '<m:Structure structureID="S" dimensionAtObservation="TIME_PERIOD"><c:Structure>'
        '<Ref agencyID="NSO" id="POP" version="1.0"/></c:Structure></m:Structure></m:Header>'
        f'<m:DataSet structureRef="S">{series}</m:DataSet></m:GenericData>'
    ).encode()
