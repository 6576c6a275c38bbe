"""The commands of docs/elsewhere.md, run dry against a stand-in for S3."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_s3", "moto", "flask")
MISSING = [name for name in NEEDED if find_spec(name) is None]
PAGE = Path(__file__).parents[2] / "docs" / "elsewhere.md"
COMMANDS = re.findall(r"^snakemake .+$", PAGE.read_text(), re.MULTILINE)

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed; docs/elsewhere.md says how")


@pytest.fixture(scope="module")
def storage(repository):
    """Environment in which S3 holds what the page copies there."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = os.environ | keys | {"S3_ENDPOINT": f"http://{host}:{port}"}
    client = boto3.client(
        "s3", endpoint_url=environment["S3_ENDPOINT"], aws_access_key_id="key", aws_secret_access_key="secret"
    )
    for folder, bucket, prefix in re.findall(r"^aws s3 sync (\S+) s3://([^/]+)/(\S+)$", PAGE.read_text(), re.MULTILINE):
        client.create_bucket(Bucket=bucket)
        for path in (repository / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                client.upload_file(str(path), bucket, f"{prefix}/{path.relative_to(repository / folder)}")
    yield environment
    server.stop()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_plans_the_whole_workflow(command, storage, copy):
    path = f"{Path(sys.executable).parent}{os.pathsep}{storage['PATH']}"
    done = subprocess.run(
        command, shell=True, cwd=copy.folder, env=storage | {"PATH": path}, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert int(re.search(r"^total +(\d+)$", said, re.MULTILINE)[1]) > 200
    assert "s3://my-bucket/stembench/results/report.html" in said
