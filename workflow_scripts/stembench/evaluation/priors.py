"""What a network that knows structures is told: the right one of each image, another's, or none."""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=tuple[str, str])
Structure = TypeVar("Structure")


def told(structures: Mapping[Key, Structure], prior: str) -> dict[Key, Structure]:
    """Structures by the (material, zone) of the images that they are told with.

    Parameters
    ----------
    structures : mapping
        Those that images show, by (material, zone).
    prior : str
        `right`; `wrong`, each told as that of the next material in alphabetical order; or `none`.

    Raises
    ------
    ValueError
        If it is none of these, or there is but one material to mistake.
    """
    if prior == "none":
        return {}
    if prior == "right":
        return dict(structures)
    if prior != "wrong":
        raise ValueError(f"prior {prior!r} is none of right, wrong, none")
    first = {material: key for key in sorted(structures, reverse=True) for material in key[:1]}
    names = sorted(first)
    if len(names) < 2:
        raise ValueError(f"only {names[0]} is shown: a wrong prior needs a second material")
    following = dict(zip(names, names[1:] + names[:1]))
    return {key: structures[first[following[key[0]]]] for key in structures}
