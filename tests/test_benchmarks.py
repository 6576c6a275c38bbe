import shutil
import subprocess
import sys


def test_what_benchmarks_print_is_kept_and_one_that_fails_is_named(repository, tmp_path):
    (tmp_path / "benchmarks").mkdir()
    shutil.copy(repository / "benchmarks" / "__main__.py", tmp_path / "benchmarks")
    (tmp_path / "benchmarks" / "fast.py").write_text("print('a line')\nprint('images_per_s: 3.5')")
    (tmp_path / "benchmarks" / "broken.py").write_text("print('ratio: 1')\nraise SystemExit(1)")
    done = subprocess.run([sys.executable, tmp_path / "benchmarks"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "failed: broken" in done.stderr
    kept = list((tmp_path / "results" / "benchmarks").iterdir())
    assert [path.name for path in kept] == ["fast.csv"]
    assert kept[0].read_text() == "key,value\nimages_per_s,3.5\n"
