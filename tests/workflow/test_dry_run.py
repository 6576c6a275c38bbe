"""What Snakemake writes when it is only asked what it would do."""

import os
import time

from stembench.planning import Layout

WANTED = Layout("tiny").structure_figure.path(material="Au", zone="001")
LOOKS = (("-n", WANTED), ("--summary", WANTED), ("--rulegraph", "dot", WANTED))


def files(folder):
    """Every file and folder with its date, but for what Snakemake and Python note for themselves."""
    own = {".snakemake", "__pycache__"}
    return {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if not own & set(path.relative_to(folder).parts)
    }


def test_a_look_at_the_plan_writes_nothing(copy):
    os.utime(copy.folder / "structures" / "Au.cif", (time.time() + 86400,) * 2)
    before = files(copy.folder)
    looking = [copy.start(*look, "--nolock", cores=1) for look in LOOKS]
    printed = [each.communicate()[0] for each in looking]
    assert "This was a dry-run" in printed[0]
    assert "structure.png" in printed[1]
    assert "digraph" in printed[2]
    assert files(copy.folder) == before
