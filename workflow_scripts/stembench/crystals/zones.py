"""Zone axes as they are written in config keys and file names."""

import re

from stembench.errors import InputError

#: Three Miller-type indices, each a digit with an optional leading `m` for minus.
ZONE_PATTERN = r"(?:m?\d){3}"


def parse_zone(zone: str) -> tuple[int, int, int]:
    """Return the indices [uvw] of a zone axis: `110` is [110], `m110` is [-110].

    Raises
    ------
    InputError
        If the text does not hold three indices, or all are zero.
    """
    if not re.fullmatch(ZONE_PATTERN, zone):
        raise InputError(f"zone axis {zone!r} is not three indices; write '110' for [110] and 'm110' for [-110]")
    u, v, w = (int(index.replace("m", "-")) for index in re.findall(r"m?\d", zone))
    if u == v == w == 0:
        raise InputError(f"zone axis {zone!r} is [000], which is no direction; name one such as '001' or '110'")
    return u, v, w
