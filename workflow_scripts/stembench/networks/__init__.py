"""One file a published network; the folder is the registry.

A network is a subclass of `base.Network` built from a width factor; its file calls it `NETWORK`. Files that begin with
an underscore hold what several networks share.
"""

from pathlib import Path

#: Every other file of this folder that begins with a letter is a network, named after the file.
NETWORKS = sorted({path.stem for path in Path(__file__).parent.glob("[a-z]*.py")} - {"base", "registry"})
