"""The layers of the project, enforced: every import statement of every package is read.

Rules are data below; an exception that nothing needs any more is a failure too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Where each of our packages lies, and which other ones of ours it may import.
PACKAGES = {
    "otterwiki_engine": ("plugins/engine", set()),
    "otterwiki_tenant": ("tenant", {"otterwiki_engine"}),
    "otterwiki_access_control": (
        "plugins/access_control",
        {"otterwiki_tenant", "otterwiki_engine"},
    ),
    "otterwiki_content_security": ("plugins/content_security", {"otterwiki_engine"}),
    "otterwiki_git_http": ("plugins/git_http", {"otterwiki_engine"}),
    "otterwiki_rest_api": ("plugins/rest_api", {"otterwiki_engine"}),
    "otterwiki_robot": (
        ".",
        {"otterwiki_access_control", "otterwiki_tenant", "otterwiki_engine"},
    ),
}
#: Modules that read or write the process environment.
MAY_USE_ENVIRONMENT = {
    "otterwiki_robot/settings.py",
    "otterwiki_content_security/settings.py",
    "otterwiki_engine/stock_settings.py",
    "otterwiki_git_http/settings.py",
    "otterwiki_tenant/startup.py",  # Otterwiki takes its settings from there when it is loaded
}
#: Modules that speak SQL.
STORE_MODULES = re.compile(
    r"(?:^|/)(?:migrations/.*|models|database|questions|wiki_database|users|wikis|acls|login_links|access"
    r"|audit|sessions|[a-z_]*store|[a-z_]*index[a-z_]*|history_records)\.py$"
)
#: What other modules may name of the database libraries: types they pass on, errors they catch.
TYPES_AND_ERRORS = {
    "sqlalchemy": {"Engine", "MetaData"},
    "sqlalchemy.orm": {"Session"},
    "sqlalchemy.exc": None,  # anything
    "sqlite3": None,  # for sqlite3.Error; connecting is looked for below
}
SPEAKING_SQL = {"execute", "executemany", "executescript", "exec_driver_sql", "create_engine"}
SQL_STATEMENT = re.compile(
    r"^\s*(?:SELECT\s.+\sFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|CREATE\s+(?:TABLE|INDEX|UNIQUE|VIRTUAL|TRIGGER)|ALTER\s+TABLE|DROP\s+TABLE|PRAGMA\s)",
    re.IGNORECASE | re.DOTALL,
)
#: The engine below its Otterwiki plugin knows no web framework.
ENGINE_WITHOUT_FLASK = {
    "actor", "authorship", "blame", "blob_cache", "blob_files", "diff", "errors", "git_command",
    "hooks", "locks", "loose_objects", "merge", "pagenames", "pages", "paths", "problems",
    "proposals", "rebasing", "refs", "repository", "repository_reading", "snapshot", "trees",
    "wiki", "worktree",
}  # fmt: skip


@dataclass(frozen=True)
class Module:
    """One source file: its path inside the tree of packages and its syntax tree."""

    package: str
    path: str
    tree: ast.Module

    def imports(self) -> Iterator[tuple[str, int]]:
        """Every imported module's absolute name, wherever in the file, with its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module, node.lineno


def modules() -> list[Module]:
    """Every module of every package of ours, without tests."""
    found = []
    for package, (folder, _) in PACKAGES.items():
        base = ROOT / folder
        for path in sorted((base / package).rglob("*.py")):
            name = path.relative_to(base).as_posix()
            if "/tests/" in name:
                continue
            found.append(Module(package, name, ast.parse(path.read_text("utf-8"), str(path))))
    return found


MODULES = modules()


def _complaints(broken: list[str]) -> str:
    return "\n" + "\n".join(broken)


def test_every_package_in_the_tree_is_under_the_rules() -> None:
    """A new package is added to the table above before its first commit."""
    packages = {
        path.parent.name
        for pattern in (
            "otterwiki_*",
            "tenant/otterwiki_*",
            "*/otterwiki_*",
            "plugins/*/otterwiki_*",
        )
        for path in ROOT.glob(f"{pattern}/__init__.py")
    }
    assert packages == set(PACKAGES)
    assert all(any(m.package == package for m in MODULES) for package in PACKAGES)


def test_imports_go_down_only() -> None:
    broken = []
    for module in MODULES:
        allowed = PACKAGES[module.package][1] | {module.package}
        for name, line in module.imports():
            top = name.partition(".")[0]
            if top in PACKAGES and top not in allowed:
                broken.append(f"{module.path}:{line} imports {name}")
    assert not broken, _complaints(broken)


def test_only_settings_modules_touch_the_environment() -> None:
    touching = set()
    for module in MODULES:
        for node in ast.walk(module.tree):
            direct = (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
                and node.attr in ("environ", "environb", "getenv", "putenv", "unsetenv")
            )
            imported = (
                isinstance(node, ast.ImportFrom)
                and node.module == "os"
                and any(alias.name in ("environ", "getenv", "putenv") for alias in node.names)
            )
            if direct or imported:
                touching.add(module.path)
    assert touching - MAY_USE_ENVIRONMENT == set()
    assert MAY_USE_ENVIRONMENT - touching == set(), "these no longer need to be allowed"


def test_sql_only_in_store_modules() -> None:
    broken = []
    for module in MODULES:
        if not STORE_MODULES.search(module.path):
            broken += [f"{module.path}:{line} {what}" for line, what in _sql_in(module.tree)]
    assert not broken, _complaints(broken)


def _sql_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and description of everything that speaks to a database in a syntax tree."""
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in ("sqlalchemy", "alembic"):
                    yield node.lineno, f"imports {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module.partition(".")[0] not in ("sqlalchemy", "sqlite3", "alembic"):
                continue
            names = {alias.name for alias in node.names}
            allowed = TYPES_AND_ERRORS.get(node.module, set())
            if allowed is not None and names - allowed:
                yield node.lineno, f"imports {', '.join(sorted(names - allowed))}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            if node.func.attr in SPEAKING_SQL or called == "sqlite3.connect":
                yield node.lineno, f"calls {called}"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and SQL_STATEMENT.match(node.value)
        ):
            yield node.lineno, f"holds SQL: {node.value[:50]!r}"


@pytest.mark.parametrize("name", sorted(ENGINE_WITHOUT_FLASK))
def test_the_core_of_the_engine_knows_no_web_framework(name: str) -> None:
    """`name` is a module, or a package of them."""
    path = f"otterwiki_engine/{name}"
    found = [m for m in MODULES if m.path == f"{path}.py" or m.path.startswith(f"{path}/")]
    assert found, f"{path} is gone: take it off the list"
    web = {"flask", "werkzeug", "otterwiki", "jinja2", "flask_login", "flask_wtf"}
    for module in found:
        known = [name for name, _ in module.imports() if name.partition(".")[0] in web]
        assert not known, f"{module.path} imports {known}"


def test_what_replaces_objects_of_otterwiki_is_listed_in_standins() -> None:
    """standins.py, or a module its table names, is where Otterwiki's objects are replaced."""
    broken = []
    for module in MODULES:
        listed = _listed_standins(module.package)
        if Path(module.path).stem in listed | {"standins"}:
            continue
        for node in ast.walk(module.tree):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign | ast.AugAssign):
                targets = [node.target]
            for target in targets:
                text = ast.unparse(target)
                if text.startswith("otterwiki.") or text.endswith(".__class__"):
                    broken.append(f"{module.path}:{target.lineno} assigns {text}")
    assert not broken, _complaints(broken)


def _listed_standins(package: str) -> set[str]:
    """Names of the modules that a package's standins.py names in its docstring."""
    for module in MODULES:
        if module.path == f"{package}/standins.py":
            return set(re.findall(r":mod:`\.([a-z_]+)`", ast.get_docstring(module.tree) or ""))
    return set()


def _docstrings(tree: ast.Module) -> set[int]:
    """Ids of the constants that are docstrings, which may well begin with "Update ..."."""
    found = set()
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found
