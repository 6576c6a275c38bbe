"""What rows of tables are of."""

from typing import Literal

#: In the order of tables. An oracle is told what nobody knows of a real image: its structure.
Kind = Literal["network", "external", "oracle", "baseline", "floor"]
