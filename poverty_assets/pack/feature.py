"""What a feature is: one entry under ``features`` of a source, by the statistic that makes it.

Belongs here: the form of such an entry and of its ``options``. Does not belong here: computing a statistic
(``features.zonal``, ``features.vector``, ``features.layers_and_tables``), or what a source is (``source``).

=====================  ==============  =========================================================================
statistic              source          options
=====================  ==============  =========================================================================
mean sum stdev min     raster
max count
share_above            raster          ``above``: the share of the area on cells of more than this
quantile               raster          ``quantile``, 0 to 1
weighted_mean          raster          ``weight``: the source of the raster (people) whose cells weigh
count                  points          ``where``, ``each`` (person, household, km2 or area of the finest level)
count_per_km2          points          ``where``
distance_km            points,         ``where``, ``boundary`` (to the outline of polygons)
                       lines, areas    larger areas: mean over their parts, by size
length_km_per_km2      lines           ``where``
area_share             polygons        ``where``
mean_of                points          ``column``, ``weight``, ``where``
column                 table           ``value``, ``per`` (ratio of sums), ``combine`` (``mean``, ``sum``),
                                       ``weight`` (of the mean), ``each`` (the sum, divided by the area's own people,
                                       households, km2 or finest areas), ``inherit`` (areas below take their
                                       parent's), ``where``
=====================  ==============  =========================================================================

``where`` is a query on the columns. In tables ``value``, ``per`` and ``weight`` are columns or arithmetic on columns
(``0.5 * poor + near``). A table may hold several rows an area (villages): sums run over them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from poverty_assets.lined_yaml import Form, misfit

Each = Literal["person", "household", "km2", "area"]
"""What an area has so many of, by the table of areas, that a sum is divided by; ``area``: areas of the finest level."""
RasterStatistic = Literal["mean", "sum", "stdev", "min", "max", "count"]


class FeatureSpec(Form):
    """What every feature states. Models learn from it unless ``covariate`` is false; then it is there for people to look at."""

    feature_id: str
    name: str
    unit: str
    statistic: str
    covariate: bool = True


class RasterFeature(FeatureSpec):
    """A statistic of a raster's cells over an area."""

    statistic: RasterStatistic


class AboveOptions(Form):
    """Above which value a cell counts."""

    above: float


class AboveFeature(FeatureSpec):
    """The share of an area that lies on cells above a value."""

    statistic: Literal["share_above"]
    options: AboveOptions


class QuantileOptions(Form):
    """Which quantile, 0 to 1."""

    quantile: float = Field(ge=0, le=1)


class QuantileFeature(FeatureSpec):
    """A quantile of a raster's cells over an area, each weighted by the share of it that the area covers."""

    statistic: Literal["quantile"]
    options: QuantileOptions


class WeightOptions(Form):
    """The source of the raster whose cells weigh."""

    weight: str


class WeightedFeature(FeatureSpec):
    """The mean of a raster's cells over an area, weighted by what another raster holds there: people."""

    statistic: Literal["weighted_mean"]
    options: WeightOptions


CellFeature = Annotated[
    RasterFeature | AboveFeature | QuantileFeature | WeightedFeature, Field(discriminator="statistic")
]


class LayerOptions(Form):
    """Which shapes of a layer count: those that ``where`` holds for, by default all."""

    where: str | None = None


class LayerFeature(FeatureSpec):
    """How much line, which share under polygons, how many points on a square kilometre."""

    statistic: Literal["count_per_km2", "length_km_per_km2", "area_share"]
    options: LayerOptions = LayerOptions()


class CountOptions(LayerOptions):
    """Options of a count: of the whole area, or for each person, household, square kilometre or finest area of it."""

    each: Each | None = None


class CountFeature(FeatureSpec):
    """How many points."""

    statistic: Literal["count"]
    options: CountOptions = CountOptions()


class DistanceOptions(LayerOptions):
    """Options of a distance: ``boundary`` measures to the outline of polygons, as from inside a country to its border."""

    boundary: bool = False


class DistanceFeature(FeatureSpec):
    """The distance to the nearest shape of a layer."""

    statistic: Literal["distance_km"]
    options: DistanceOptions = DistanceOptions()


class MeanOptions(LayerOptions):
    """Options of the mean of a column over points, each with the weight of another column."""

    column: str
    weight: str | None = None


class MeanFeature(FeatureSpec):
    """The mean of what the points in an area carry."""

    statistic: Literal["mean_of"]
    options: MeanOptions


class ColumnOptions(LayerOptions):
    """Options of a feature that is a column of a table."""

    value: str | float
    per: str | float | None = None
    combine: Literal["mean", "sum"] = "mean"
    weight: str | float | None = None
    each: Each | None = None
    inherit: bool = False

    @model_validator(mode="after")
    def _one_denominator(self) -> ColumnOptions:
        if self.weight is not None and (self.per is not None or self.combine == "sum"):
            raise misfit("weight is of a mean, and there is none", "leave it out", "weight")
        if self.each is not None and (self.per is not None or self.combine == "sum" or self.weight is not None):
            problem = f"each: {self.each} divides a sum, and goes with no per, combine or weight"
            raise misfit(problem, "leave those out, or each", "each")
        if self.per is not None and self.combine == "sum":
            raise misfit("a ratio of sums is no sum", "leave out combine or per", "combine")
        return self


class ColumnFeature(FeatureSpec):
    """A column of a table with area codes."""

    statistic: Literal["column"]
    options: ColumnOptions


VectorFeature = Annotated[CountFeature | LayerFeature | DistanceFeature | MeanFeature, Field(discriminator="statistic")]
TableFeature = Annotated[
    ColumnFeature | CountFeature | LayerFeature | DistanceFeature | MeanFeature, Field(discriminator="statistic")
]
