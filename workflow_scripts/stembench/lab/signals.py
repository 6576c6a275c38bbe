"""The signals of a file in one form for all formats, and which of several is taken."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stembench.errors import InputError, in_short
from stembench.imaging.detectors import Mode
from stembench.lab.units import beam_energy

_IN_WORDS = (
    (r"high[-_ ]angle[-_ ]annular[-_ ]dark[-_ ]?field", "haadf"),
    (r"(annular[-_ ])?dark[-_ ]?field", "adf"),
    (r"annular[-_ ]bright[-_ ]?field", "abf"),
    (r"bright[-_ ]?field", "bf"),
)
# A word of a title that names a detector, best first. DF2 to DF4 are TIA's and Velox's annular detectors.
_DETECTORS: tuple[tuple[Mode, str], ...] = (
    ("HAADF", r"haa?df\d*"),
    ("ADF", r"[ml]?aa?df\d*|df\d*"),
    ("ABF", r"e?abf\d*"),
    ("BF", r"bf\d*"),
)
# In differences of detector segments, and in what is computed from them, a column is where the sign changes.
_DIFFERENCE = re.compile(
    r"(.*[ (])?[a-d] ?[-\u2212\u2013] ?[a-d]\)?|(.*[ _-])?d?(dpc|com)([ _-]?([xyab]|mag\w*|phase|angle|\d))?"
    r"|differen\w+.*|gradient.*",
    re.IGNORECASE,
)
_SEGMENT = re.compile(r"\w*[a-z]\d?[ _-][a-d]", re.IGNORECASE)
_INTEGRATED = re.compile(r"(.*\b)?i(dpc|com)\b.*", re.IGNORECASE)
_ELEMENT_MAP = re.compile(r"[A-Z][a-z]?([ _-]?[KLM]([abαβ]\d?)?)?|colou?r ?mix", re.IGNORECASE)
_ENERGY = re.compile(r"(?:beam|electron)energy|hightension|accelerat(?:ing|ion)voltage|voltage|ht|hv|e0")
_MICROSCOPE = re.compile(r"microscope|instrument|beam|simulationparameters|autostem")


@dataclass(frozen=True)
class Axis:
    """An axis of a signal: its name, its units as they stand in the file, and the step from value to value.

    The step is 0 if the file tells none."""

    name: str = ""
    units: object = ""
    scale: float = 0.0
    navigate: bool = False


@dataclass(frozen=True)
class Signal:
    """A signal of a file.

    Attributes
    ----------
    stored : array-like
        Values; has `shape` and `dtype`, and is read by `numpy.asarray`.
    axes : sequence of Axis
        As many as there are dimensions of `stored`; fewer if nothing is known of the first.
    title : str
        Its title, "" if it has none.
    kind : str
        What the file calls it, such as EELS or Spectrum image; "" if nothing.
    energy_keV : float or None
        Beam energy [keV].
    """

    stored: Any
    axes: Sequence[Axis] = ()
    title: str = ""
    kind: str = ""
    energy_keV: float | None = None


def of_rosettasciio(signal: Mapping[str, Any]) -> Signal:
    """Return a signal as RosettaSciIO gives it in the form of this module."""
    metadata, original = signal["metadata"], signal.get("original_metadata") or {}
    tags = _at(original, "ImageList", "TagGroup0", "ImageTags", "Meta Data")
    kinds = (_at(metadata, "Signal", "signal_type"), _at(tags, "Signal"), _at(tags, "Format"))
    return Signal(
        signal["data"],
        [
            Axis(
                name="" if axis.get("name") is None else str(axis["name"]),
                units=axis.get("units"),
                scale=float(axis.get("scale") or 0.0),
                navigate=bool(axis.get("navigate")),
            )
            for axis in signal["axes"]
        ],
        str(_at(metadata, "General", "title") or "").strip(),
        " ".join(kind for kind in kinds if isinstance(kind, str)),
        _energy(signal),
    )


def _at(stored: Any, *keys: str) -> Any:
    for key in keys:
        stored = stored.get(key) if isinstance(stored, Mapping) else None
    return stored


def _energy(signal: Mapping[str, Any]) -> float | None:
    """Beam energy [keV] by the metadata of a signal, None if they give none that a microscope has."""
    original = signal.get("original_metadata") or {}
    found = [_at(signal["metadata"], "Acquisition_instrument", "TEM", "beam_energy")]
    for place, (target, convert) in (signal.get("mapping") or {}).items():
        if str(target).endswith(".TEM.beam_energy"):
            stored = _at(original, *place.split("."))
            found.append(stored if stored is None or convert is None else convert(stored))
    known = (beam_energy(energy, "keV") for energy in found if energy is not None)
    return next(filter(None, known), None) or energy_in(original)


def energy_in(original: Mapping[str, Any]) -> float | None:
    """Return the beam energy [keV] that stands under a usual name in the metadata of a file, None if none does."""
    return next((energy for energy in _energies(original, told="", depth=5) if energy), None)


def _energies(stored: Mapping[str, Any], told: str, depth: int) -> Iterator[float | None]:
    for key, value in stored.items():
        name = re.sub(r"[^a-z0-9]", "", str(key).lower())
        if isinstance(value, Mapping):
            inside = f"{told} {name}"
            if depth:
                yield from _energies(value, inside, depth - 1)
        elif _MICROSCOPE.search(told) and (found := re.fullmatch(rf"({_ENERGY.pattern})(k?e?v)?", name)):
            units = next(
                (stored[f"{key}{end}"] for end in ("_units", "_unit", " units") if f"{key}{end}" in stored), ""
            )
            yield beam_energy(value, units or found[2] or "")


def detector_of(title: str) -> Mode | None:
    """Return the mode of the detector that a title names, None if it names none."""
    text = title.lower()
    for in_words, name in _IN_WORDS:
        text = re.sub(in_words, name, text)
    words = re.findall(r"[a-z]+\d*", text)
    return next((mode for mode, names in _DETECTORS if any(re.fullmatch(names, word) for word in words)), None)


def is_difference(title: str) -> bool:
    """Return whether a title names a difference of detector segments, or what is computed of differences."""
    return _DIFFERENCE.fullmatch(title) is not None and not _INTEGRATED.fullmatch(title)


def _preference(title: str) -> tuple[int, bool]:
    """Place of a title among those of a file, the lowest first."""
    names = [mode for mode, _ in _DETECTORS]
    detector = detector_of(title)
    if is_difference(title):
        return len(names) + 3, False
    if detector:
        return names.index(detector), _SEGMENT.fullmatch(title) is not None
    if _INTEGRATED.fullmatch(title):
        return len(names), False
    return len(names) + (2 if _ELEMENT_MAP.fullmatch(title) else 1), False


def labels_of(titles: Sequence[str]) -> list[str]:
    """Return a name for each signal, by which a user can choose it: the title, with a number where several share it."""
    counts, seen, labels = Counter(title.lower() for title in titles), Counter[str](), []
    for title in titles:
        seen[title.lower()] += 1
        several = counts[title.lower()] > 1 or not title
        labels.append(f"{title} #{seen[title.lower()]}".strip() if several else title)
    return labels


def chosen(titles: Sequence[str], mode: str, named: str, file: str) -> int:
    """Return which of several signals is taken.

    Parameters
    ----------
    titles : sequence of str
        Titles of the signals that are images.
    mode : str
        The detector whose image is taken, if the file holds it; "" if none is given.
    named : str
        Title of the signal that the user names, "" if none is.
    file : str
        The file, for messages.

    Returns
    -------
    int
        Place of the signal: that of the name, else of the mode, else HAADF, then ADF, ABF, BF, an integrated signal,
        what has no known title, and maps of elements.

    Raises
    ------
    InputError
        If no signal has the name, or several have, or all are differences of detector segments and none is named.
    """
    labels = labels_of(titles)
    if named:
        meant = [i for i, label in enumerate(labels) if label.lower() == named.strip().lower()]
        meant = meant or [i for i, title in enumerate(titles) if title.lower() == named.strip().lower()]
        if len(meant) != 1:
            raise InputError(
                f"{file}: holds {len(meant) or 'no'} signals named {named!r}; write one of "
                f"{in_short(', '.join(labels), 500)} as its signal"
            )
        return meant[0]
    order = sorted(
        range(len(titles)), key=lambda i: (bool(mode) and detector_of(titles[i]) != mode, *_preference(titles[i]))
    )
    if is_difference(titles[order[0]]):
        raise InputError(
            f"{file}: holds only differences of detector segments ({in_short(', '.join(labels), 500)}), in which "
            "columns are no maxima; give the HAADF, ADF, ABF or BF image, or name one of these as its signal"
        )
    return order[0]


def along_image(values: np.ndarray, axes: Sequence[Axis]) -> tuple[np.ndarray, Sequence[Axis]]:
    """Return values and axes of which the last two are y and x, where the names of axes tell which these are."""
    names = [axis.name.lower() for axis in axes]
    for y, x in (("y", "x"), ("height", "width")):
        if names.count(y) == names.count(x) == 1 and len(names) == values.ndim and "sample" not in names:
            order = [i for i, name in enumerate(names) if name not in (y, x)] + [names.index(y), names.index(x)]
            return values.transpose(order), [axes[i] for i in order]
    return values, axes
