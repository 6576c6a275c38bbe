"""Recipes of finite and imperfect objects."""

from typing import Annotated, Literal

from pydantic import Field

from stembench.config.base import Element, FractionRange, PositiveRange, Range, Section, ascending, up_to

_Sites = Annotated[int, Field(ge=1, le=20)]
_Crystals = Annotated[int, Field(ge=1, le=4)]
_AtomicNumber = Annotated[int, Field(ge=1, le=94)]


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


class MultiplyTwinned(Section):
    """A decahedron or an icosahedron of a face-centred cubic element on an amorphous support."""

    kind: Literal["multiply_twinned"] = Field(
        "multiply_twinned", description="A multiply twinned particle of a face-centred cubic element"
    )
    shape: Literal["decahedron", "icosahedron"] = Field(
        "decahedron",
        description="Shape of the particle. A decahedron is seen along its five-fold axis, an icosahedron along a "
        "two-, three- or five-fold one",
    )
    diameter_A: PositiveRange = Field((15.0, 40.0), description="Mean diameter", json_schema_extra={"unit": "A"})
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


class Lattice(Section):
    """A crystal that nobody knows: a plane lattice at random with columns of single elements."""

    kind: Literal["lattice"] = Field("lattice", description="A lattice at random, whatever the material is")
    edge_A: PositiveRange = Field(
        (2.5, 8.0), description="Lengths of the two lattice vectors", json_schema_extra={"unit": "A"}
    )
    angle_deg: Annotated[PositiveRange, up_to(90)] = Field(
        (60.0, 90.0),
        description="Angle between them",
        json_schema_extra={"unit": "deg", "bounds": "0.5 to 90, ascending"},
    )
    sublattices: Annotated[tuple[_Sites, _Sites], ascending] = Field(
        (1, 6),
        description="Columns in a cell, as far as there is room",
        json_schema_extra={"bounds": "whole, 1 to 20, ascending"},
    )
    spacing_A: float = Field(
        1.3, description="Smallest distance of columns", ge=0.5, le=5, json_schema_extra={"unit": "A"}
    )
    atomic_numbers: Annotated[tuple[_AtomicNumber, _AtomicNumber], ascending] = Field(
        (5, 82),
        description="Atomic numbers of the columns",
        json_schema_extra={"bounds": "whole, 1 to 94, ascending"},
    )
    period_A: PositiveRange = Field(
        (2.5, 5.0), description="Distance of atoms along the beam", json_schema_extra={"unit": "A"}
    )


class Empty(Section):
    """No column: vacuum, an amorphous film, or a film that ends in the field."""

    kind: Literal["empty"] = Field("empty", description="No column, whatever the material is")
    films: Annotated[tuple[Literal["none", "edge", "whole"], ...], Field(min_length=1)] = Field(
        ("none", "edge", "whole"),
        description="Kinds of film, each equally likely. `none` is vacuum; `edge` ends in the field",
    )
    element: Element = Field("C", description="Element of the film")
    film_A: PositiveRange = Field((10.0, 100.0), description="Thickness of the film", json_schema_extra={"unit": "A"})
    roughness_A: Range = Field(
        (0.0, 5.0), description="SD of the film's edge about a line", json_schema_extra={"unit": "A"}
    )


class Tilted(Section):
    """Crystals so far off their zone axes that one family of each one's planes is in sight at most, and no column."""

    kind: Literal["tilted"] = Field("tilted", description="Crystals off their zone axes: lattice planes, but no column")
    crystals: Annotated[tuple[_Crystals, _Crystals], ascending] = Field(
        (1, 3),
        description="Crystals that lie one on the other, each turned by any angle",
        json_schema_extra={"bounds": "whole, 1 to 4, ascending"},
    )
    tilt_deg: Annotated[PositiveRange, up_to(30)] = Field(
        (6.0, 15.0),
        description="Tilt about the normal of the planes",
        json_schema_extra={"unit": "deg", "bounds": "0.5 to 30, ascending"},
    )
    aside_deg: Annotated[Range, up_to(5)] = Field(
        (0.0, 0.5),
        description="Tilt about the lattice row in the planes, which takes from their contrast",
        json_schema_extra={"unit": "deg", "bounds": "0 to 5, ascending"},
    )
    crystal_A: PositiveRange = Field(
        (100.0, 250.0), description="Thickness of the crystal", json_schema_extra={"unit": "A"}
    )
    edge: float = Field(0.5, description="Part of the crystals that end in the field", ge=0, le=1)
    roughness_A: Range = Field(
        (0.0, 5.0), description="SD of the crystal's edge about a line", json_schema_extra={"unit": "A"}
    )


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


class Covered(Section):
    """A crystal between two amorphous layers, with a patch of contamination on the entrance face."""

    kind: Literal["covered"] = Field("covered", description="A crystal with amorphous layers on both faces")
    element: Element = Field("C", description="Element of the layers and of the contamination")
    entrance_A: Range = Field(
        (0.0, 20.0), description="Thickness of the layer on the entrance face", json_schema_extra={"unit": "A"}
    )
    exit_A: Range = Field(
        (0.0, 20.0), description="Thickness of the layer on the exit face", json_schema_extra={"unit": "A"}
    )
    contamination_A: Range = Field(
        (0.0, 40.0),
        description="Height of a patch of contamination on the entrance face, at its centre",
        json_schema_extra={"unit": "A"},
    )
    coverage: FractionRange = Field(
        (0.1, 0.4), description="Area of the patch as a fraction of the field's. Its edge is at half of its height"
    )


class Strained(Section):
    """A strained crystal."""

    kind: Literal["strained"] = Field("strained", description="A strained crystal")
    field: Literal["homogeneous", "smooth"] = Field("smooth", description="Whether the strain varies with the place")
    strain: Annotated[FractionRange, up_to(0.1)] = Field(
        (0.0, 0.03),
        description="Size of the strain. Of a homogeneous one: of each of its two principal strains, of either sign; "
        "of a smooth one: the largest anywhere",
        json_schema_extra={"bounds": "0 to 0.1, ascending"},
    )
    wavelength_A: PositiveRange = Field(
        (20.0, 60.0), description="Wavelengths of a smooth field", json_schema_extra={"unit": "A"}
    )


class Polar(Section):
    """A crystal of which one element is displaced, in polar domains."""

    kind: Literal["polar"] = Field("polar", description="A crystal one of whose elements is displaced")
    element: Element | None = Field(None, description="Element that is displaced; null: any of the crystal's")
    pattern: Literal["uniform", "180", "90", "vortex"] = Field(
        "uniform",
        description="Directions of the displacements. All alike, opposite or at right angles on the two sides of a "
        "domain wall, or around a point",
    )
    displacement_A: Annotated[Range, up_to(1)] = Field(
        (0.05, 0.2),
        description="Length of the displacements, away from walls and cores",
        json_schema_extra={"unit": "A", "bounds": "0 to 1, ascending"},
    )
    wall_A: PositiveRange = Field(
        (2.0, 8.0), description="Half width of a wall or core", json_schema_extra={"unit": "A"}
    )


class Dislocation(Section):
    """A crystal with a dislocation along the beam."""

    kind: Literal["dislocation"] = Field("dislocation", description="A crystal with a dislocation seen end-on")
    poisson_ratio: float = Field(0.3, description="Poisson's ratio of the crystal", ge=0, le=0.49)
    clearance_A: float = Field(
        1.2, description="Smallest distance of atoms at the core", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class Fault(Section):
    """A crystal whose one part is translated against the other across a lattice plane."""

    kind: Literal["fault"] = Field(
        "fault", description="A crystal with a stacking fault or an antiphase boundary seen edge-on"
    )
    along: FractionRange = Field(
        (2 / 3, 2 / 3),
        description="Translation along the plane as a fraction of its lattice vector. 2/3 makes the stacking fault of "
        "a face-centred cubic crystal along [110]",
    )
    across: FractionRange = Field(
        (0.0, 0.0), description="Translation along another lattice vector as a fraction of it"
    )
    clearance_A: float = Field(
        1.2, description="Smallest distance across the plane", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class Twin(Section):
    """A crystal and its mirror image at a lattice plane, which is seen edge-on."""

    kind: Literal["twin"] = Field("twin", description="A crystal and its mirror image at a lattice plane")
    clearance_A: float = Field(
        1.2, description="Smallest distance across the plane", ge=0, le=5, json_schema_extra={"unit": "A"}
    )


class Overlapping(Section):
    """Two crystals that lie one on the other."""

    kind: Literal["overlapping"] = Field("overlapping", description="Two crystals on top of each other (moiré)")
    second: Literal["same", "another"] = Field(
        "same", description="Material of the second crystal. One of another material has any rotation"
    )
    twist_deg: Range = Field(
        (2.0, 30.0), description="Angle between crystals of the same material", json_schema_extra={"unit": "deg"}
    )
    share: FractionRange = Field((0.3, 0.7), description="Fraction of the thickness that the first crystal takes")


Arrangement = (
    Periodic
    | Defects
    | Particle
    | MultiplyTwinned
    | Wedge
    | Embedded
    | GrainBoundary
    | Random
    | Lattice
    | Empty
    | Tilted
    | Occluded
    | Covered
    | Strained
    | Polar
    | Dislocation
    | Fault
    | Twin
    | Overlapping
)

#: By name; the default of the configuration's `arrangements`.
ARRANGEMENTS: dict[str, Arrangement] = {
    "periodic": Periodic(),
    "defects": Defects(),
    "particle": Particle(),
    "wedge": Wedge(),
    "embedded": Embedded(),
    "straight_interface": Embedded(interface="straight"),
    "grain_boundary": GrainBoundary(),
    "random": Random(),
    "occluded": Occluded(),
    "occluded_by_crystal": Occluded(overlayer="crystal"),
    "covered": Covered(),
    "strained": Strained(),
    "polar": Polar(),
    "polar_vortex": Polar(pattern="vortex"),
    "dislocation": Dislocation(),
    "stacking_fault": Fault(),
    "antiphase_boundary": Fault(along=(0.5, 0.5), across=(0.5, 0.5)),
    "twin": Twin(),
    "moire": Overlapping(),
    "decahedron": MultiplyTwinned(),
    "icosahedron": MultiplyTwinned(shape="icosahedron"),
    "lattice": Lattice(),
    "empty": Empty(),
    "tilted": Tilted(),
}
