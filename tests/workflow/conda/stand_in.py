"""A stand-in for the `conda` command: the calls that Snakemake makes, solved and linked by rattler from local channels.

It is no conda: what it shows is that the environments under envs/ can be solved and hold what their rules need.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import yaml
from rattler import Channel, ChannelConfig, Subdir, install, solve

ROOT = Path(os.environ["STAND_IN_CONDA_ROOT"])  # holds channels/, the package cache and bin/activate


def create(file: str, prefix: str) -> None:
    """Make the environment that a file describes."""
    content = yaml.safe_load(Path(file).read_text())
    aliases = ChannelConfig(channel_alias=(ROOT / "channels").as_uri() + "/")
    channels = [Channel(name, aliases) for name in content["channels"] if name != "nodefaults"]
    asyncio.run(_made(channels, content["dependencies"], prefix))


async def _made(channels: list[Channel], dependencies: list[str], prefix: str) -> None:
    records = await solve(channels, dependencies, platforms=[str(Subdir.current()), "noarch"])
    await install(records, prefix, cache_dir=ROOT / "packages", show_progress=False)


def main(arguments: list[str]) -> None:
    """Answer a call."""
    if arguments == ["--version"]:
        print("conda 25.1.0")
    elif arguments == ["info", "--json"]:
        print(json.dumps({"conda_prefix": str(ROOT), "platform": str(Subdir.current())}))
    elif arguments == ["config", "--get", "channel_priority", "--json"]:
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--file", required=True)
        parser.add_argument("--prefix", required=True)
        asked, _ = parser.parse_known_args(arguments[2:])
        create(asked.file, asked.prefix)
    elif arguments[:1] != ["clean"]:  # nothing is downloaded that could be cleaned up
        sys.exit(f"the stand-in for conda does not know: {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # rattler's threads, unwound with the interpreter, crash it now and then
