"""From a map or an image to column positions, and the bound on their precision."""

#: The localiser by which networks are compared; it alone has settings to tune.
DEFAULT_LOCALISER = "maxima"
