"""The image: a fixed user without rights, packages whose hashes are checked, and the command that it runs."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Lines that a backslash continues are one instruction.
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]


def instructions(name: str) -> list[str]:
    """What stands after each instruction of the name, in order."""
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def test_it_runs_as_a_fixed_user_without_rights() -> None:
    """A numeric user, so that a cluster can tell that it is not root, and the one that is made for it."""
    (user,) = instructions("USER")
    uid, gid = user.split(":")
    assert int(uid) >= 10_000
    assert uid == gid
    assert any(f"useradd --uid {uid} " in command for command in instructions("RUN"))


def test_every_package_is_checked_by_its_hash() -> None:
    """Nothing is installed from an index but what a lock file has the hash of."""
    installs = [
        words
        for command in instructions("RUN")
        for words in re.findall(r"pip (?:install|wheel) ([^&>]*)", command)
        if "--no-deps" not in words
    ]
    assert len(installs) == 2
    assert all(words.startswith("--require-hashes -r ") for words in installs)


def test_the_build_backend_is_taken_from_the_lock_whole() -> None:
    """What the image cuts out of the development lock has the version that the project is built with, and hashes."""
    (command,) = (each for each in instructions("RUN") if each.startswith("awk"))
    program = command.split("'")[1]
    cut = subprocess.run(
        ["awk", program, ROOT / "requirements-dev.lock"], capture_output=True, text=True, check=True
    ).stdout
    blocks = re.findall(r"^([a-z-]+)==(\S+)[^\n]*\\\n((?:    --hash=\S+[ \\]*\n)+)", cut, re.MULTILINE)
    versions = {name: version for name, version, _ in blocks}
    assert versions.keys() == {"hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}
    assert f'requires = ["hatchling=={versions["hatchling"]}"]' in (ROOT / "pyproject.toml").read_text()


def test_what_it_copies_is_there() -> None:
    """Every source of a COPY from the checkout exists."""
    copied = [words.split()[:-1] for words in instructions("COPY") if not words.startswith("--from=")]
    assert all((ROOT / source).exists() for sources in copied for source in sources)


def test_it_looks_after_itself() -> None:
    """It runs `baton`, keeps its data in a volume, and tells whether it is healthy."""
    assert instructions("ENTRYPOINT") == ['["baton"]']
    assert instructions("VOLUME") == ["/data"]
    assert any("BATON_DATA=/data" in words for words in instructions("ENV"))
    (check,) = instructions("HEALTHCHECK")
    assert check.endswith('CMD ["baton", "health"]')
