import re
import shutil
import subprocess


def test_what_the_container_copies_first_is_enough_to_make_its_environment(repository, tmp_path):
    before, _ = (repository / "Containerfile").read_text().split("RUN make .venv/installed")
    for name in re.search(r"^COPY (.*) \./$", before, re.MULTILINE)[1].split():
        shutil.copy(repository / name, tmp_path)
    made = subprocess.run(["make", "-n", ".venv/installed"], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "--requirement requirements.lock" in made.stdout
