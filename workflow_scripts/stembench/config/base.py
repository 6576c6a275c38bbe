"""What every section of the configuration is written with: names, ranges, and the section itself."""

import re
from pathlib import Path
from typing import Annotated, ClassVar

from ase.data import atomic_numbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: Names that become wildcards and parts of paths.
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_]*"
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=100)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]
#: Names of CIF files, without their ending; `#` and a number behind one name a crystal of a file that holds several.
CIF_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.+()-]*"
MATERIAL_PATTERN = rf"{CIF_PATTERN}(#[1-9][0-9]{{0,3}})?"
Material = Annotated[str, Field(pattern=f"^{MATERIAL_PATTERN}$")]


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the two ends of a range must be in order, the lower one first")
    return value


#: Validator of a range.
ascending = AfterValidator(_ascending)


def up_to(highest: float) -> AfterValidator:
    """Validator of a range whose upper end is no more than `highest`."""

    def checked(value: tuple[float, float]) -> tuple[float, float]:
        if value[1] > highest:
            raise ValueError(f"the upper end of the range must be {highest:g} at most")
        return value

    return AfterValidator(checked)


Number = Annotated[float, Field(ge=0, le=10_000)]
Range = Annotated[tuple[Number, Number], ascending]
Positive = Annotated[float, Field(ge=0.5, le=10_000)]
PositiveRange = Annotated[tuple[Positive, Positive], ascending]
Fraction = Annotated[float, Field(ge=0, le=1)]
FractionRange = Annotated[tuple[Fraction, Fraction], ascending]


def _known_element(symbol: str) -> str:
    if symbol not in atomic_numbers or symbol == "X":
        raise ValueError("no element has this symbol; write it as in Sr or O")
    return symbol


Element = Annotated[str, AfterValidator(_known_element)]


def _without_parents(path: str) -> str:
    if ".." in Path(path).parts:
        raise ValueError(
            "a path cannot lead upwards by `..`; put what it names below this folder, or write a folder's whole path"
        )
    if re.search(r"[\x00-\x1f\x7f{}]", path) or max(len(part.encode()) for part in ("", *Path(path).parts)) > 255:
        raise ValueError(
            "a path holds no control characters, no { or }, and no name of more than 255 bytes; rename the file"
        )
    return path


def _inside(path: str) -> str:
    if Path(path).is_absolute() or not Path(path).name:
        raise ValueError("the path of a file begins in the folder that holds it, without `/`")
    return path


#: Of a folder, and of a file inside the folder that such files are taken from.
FolderPath = Annotated[str, AfterValidator(_without_parents)]
FilePath = Annotated[FolderPath, AfterValidator(_inside)]


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    #: Keys that have a meaning only beside one value of another key, which they name; they go where that changes.
    depends: ClassVar[dict[str, str]] = {}
