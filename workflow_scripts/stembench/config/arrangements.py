"""Recipes of finite and imperfect objects."""

from typing import Literal

from pydantic import Field

from stembench.config.base import Element, FractionRange, PositiveRange, Range, Section


class Periodic(Section):
    """A perfect crystal."""

    kind: Literal["periodic"] = Field("periodic", description="A perfect crystal that fills the field")


class Defects(Section):
    """Point defects and static disorder in a crystal."""

    kind: Literal["defects"] = Field("defects", description="Point defects and static disorder")
    of: Literal["columns", "atoms"] = Field(
        "columns", description="Whether defects affect whole columns or single atoms"
    )
    vacancies: FractionRange = Field((0.0, 0.1), description="Fraction missing")
    substitutions: FractionRange = Field((0.0, 0.1), description="Fraction of another element")
    interstitials: FractionRange = Field((0.0, 0.05), description="Fraction added between the columns")
    displacement_A: Range = Field(
        (0.0, 0.1), description="SD of random displacements along each axis", json_schema_extra={"unit": "A"}
    )


class Particle(Section):
    """A faceted nanoparticle on an amorphous support."""

    kind: Literal["particle"] = Field("particle", description="A faceted nanoparticle")
    diameter_A: PositiveRange = Field((15.0, 40.0), description="Mean diameter", json_schema_extra={"unit": "A"})
    facet_spread: float = Field(0.2, description="Largest relative deviation of a facet's distance", ge=0, le=0.5)
    support_A: Range = Field(
        (0.0, 30.0), description="Thickness of its amorphous support", json_schema_extra={"unit": "A"}
    )
    support_element: Element = Field("C", description="Element of the support")


class Wedge(Section):
    """A crystal whose thickness changes across the field."""

    kind: Literal["wedge"] = Field("wedge", description="A crystal whose thickness changes across the field")
    thin_end: FractionRange = Field((0.0, 0.3), description="Thickness of the thin end as a fraction of the thick end")


class Embedded(Section):
    """One crystal embedded in another."""

    kind: Literal["embedded"] = Field("embedded", description="One crystal embedded in another")
    interface: Literal["straight", "irregular"] = Field("irregular", description="Interface between the two")
    coverage: FractionRange = Field(
        (0.15, 0.5), description="Area of an irregular inclusion as a fraction of the field's"
    )
    roughness_A: Range = Field((0.5, 4.0), description="SD of an irregular interface", json_schema_extra={"unit": "A"})
    clearance_A: float = Field(
        1.2, description="Smallest distance across the interface", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class GrainBoundary(Section):
    """Two grains of a crystal."""

    kind: Literal["grain_boundary"] = Field("grain_boundary", description="Two grains of a crystal")
    misorientation_deg: Range = Field((5.0, 45.0), description="Angle between them", json_schema_extra={"unit": "deg"})
    roughness_A: Range = Field(
        (0.0, 2.0), description="SD of the boundary about a line", json_schema_extra={"unit": "A"}
    )
    clearance_A: float = Field(
        1.2, description="Smallest distance across the boundary", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class Random(Section):
    """Columns without a lattice."""

    kind: Literal["random"] = Field("random", description="Columns of a crystal at random places")
    spacing_A: PositiveRange = Field((1.6, 3.5), description="Smallest distance", json_schema_extra={"unit": "A"})


class Occluded(Section):
    """A crystal partly below an overlayer, which hides columns if it is heavy, crystalline or thick."""

    kind: Literal["occluded"] = Field("occluded", description="A crystal part of which an overlayer hides")
    overlayer: Literal["amorphous", "crystal"] = Field("amorphous", description="Structure of the overlayer")
    overlayer_element: Element = Field(
        "Pt", description="Element of an amorphous overlayer. Light ones such as C hide next to nothing"
    )
    coverage: FractionRange = Field((0.2, 0.6), description="Area hidden as a fraction of the field's")
    thickness_A: PositiveRange = Field(
        (20.0, 60.0), description="Thickness of the overlayer", json_schema_extra={"unit": "A"}
    )


Arrangement = Periodic | Defects | Particle | Wedge | Embedded | GrainBoundary | Random | Occluded
