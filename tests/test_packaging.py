"""What is shipped: every module and every data file, the same in each place that declares it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DISTRIBUTIONS = {
    "otterwiki_engine": ROOT / "plugins" / "engine",
    "otterwiki_access_control": ROOT / "plugins" / "access_control",
    "otterwiki_content_security": ROOT / "plugins" / "content_security",
    "otterwiki_git_http": ROOT / "plugins" / "git_http",
    "otterwiki_rest_api": ROOT / "plugins" / "rest_api",
    "otterwiki_tenant": ROOT / "tenant",
}
FOLDERS = {**DISTRIBUTIONS, "otterwiki_robot": ROOT}
NOT_SHIPPED = {"tests", "__pycache__"}


def declared() -> configparser.ConfigParser:
    """The root's setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def shipped_files() -> set[str]:
    """Every file of our packages that has to be in a wheel."""
    found = set()
    for package, folder in FOLDERS.items():
        for path in (folder / package).rglob("*"):
            relative = path.relative_to(folder)
            if path.is_file() and not NOT_SHIPPED & set(relative.parts):
                found.add(relative.as_posix())
    return found


def test_every_package_is_declared() -> None:
    expected = {path.rpartition("/")[0].replace("/", ".") for path in shipped_files()
                if path.endswith("/__init__.py")}  # fmt: skip
    assert set(lines(declared()["options"]["packages"])) == expected


def test_the_wheel_of_the_platform_holds_every_file(tmp_path: Path) -> None:
    # From a copy: building leaves folders behind, and what lies in them gets into later wheels.
    source = tmp_path / "source"
    hidden = shutil.ignore_patterns(".*", "var", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, source, ignore=hidden)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--wheel-dir", str(tmp_path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("otterwiki_robot-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packaged = {name for name in names if ".dist-info/" not in name}
    assert packaged == shipped_files()
    assert any(name.endswith(("/LICENSE", "/licenses/LICENSE")) for name in names)


@pytest.mark.parametrize("package", sorted(DISTRIBUTIONS))
def test_each_distribution_agrees_with_the_platform(package: str) -> None:
    """Entry points, versions of libraries and the licence are the same in both places."""
    project = tomllib.loads((DISTRIBUTIONS[package] / "pyproject.toml").read_text())["project"]
    root = declared()
    points = {line.replace(" ", "") for line in lines(root["options.entry_points"]["otterwiki"])}
    for name, target in project["entry-points"]["otterwiki"].items():
        assert f"{name}={target}" in points
    required = {line.replace(" ", "") for line in lines(root["options"]["install_requires"])}
    for requirement in project["dependencies"]:
        if not requirement.startswith("otterwiki-"):
            assert requirement.replace(" ", "") in required, requirement
    assert project["version"] == root["metadata"]["version"]
    assert (DISTRIBUTIONS[package] / "README.md").is_file()


def test_pytest_stays_where_otterwiki_can_follow() -> None:
    """Otterwiki pins pluggy 1.5.0, which pytest 9 does not run with."""
    tools = lines(declared()["options.extras_require"]["dev"])
    assert any(tool.startswith("pytest>=8") and tool.endswith("<9") for tool in tools)
