"""Which way imports go, what keeps the domain pure, and who alone may read the environment."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

DOMAIN = "domain"
LEAVES = frozenset({"errors", "logs"})
"""What everyone but the domain may use: it knows nothing of Baton."""
WORDS = frozenset({DOMAIN, "ports", "schemas", "storage", "translate", "views", "metric_table", "samples", *LEAVES})
"""The words that the rooms share: rules, wire formats, ports, what the store holds and what pages read."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "domain": frozenset(),
    "errors": frozenset(),
    "logs": frozenset(),
    "schemas": frozenset({DOMAIN}),
    "ports": frozenset({DOMAIN, *LEAVES}),
    "storage": frozenset({DOMAIN, "ports", *LEAVES}),
    "outgoing": frozenset({DOMAIN, "storage", *LEAVES}),
    "views": frozenset({DOMAIN, "storage", *LEAVES}),
    "metric_table": frozenset({DOMAIN, *LEAVES}),
    "samples": frozenset({DOMAIN, "metric_table", "storage", *LEAVES}),
    "translate": frozenset({DOMAIN, "schemas", *LEAVES}),
    "settings": frozenset({DOMAIN, *LEAVES}),
    "health": LEAVES,
    "adapters": frozenset({DOMAIN, "ports", "schemas", "storage", "outgoing", "views", *LEAVES}),
    "charters": frozenset({DOMAIN, "schemas", *LEAVES}),
    "gateway": WORDS,
    "tracker": WORDS,
    "notifier": WORDS | {"outgoing"},
    "measures": frozenset({DOMAIN, "schemas", "storage", "views", *LEAVES}),
    "metrics": WORDS | {"measures"},
    "dashboards": frozenset({DOMAIN, "metric_table", *LEAVES}),
    "board": WORDS | {"charters", "measures"},  # it shows the charter as `baton charter show` does
    "review": WORDS | {"measures"},
    "replay": WORDS,
    "whatif": WORDS | {"replay"},  # a replay under two charters
    "rules": frozenset({DOMAIN, "schemas", "metric_table", *LEAVES}),
    "demo": WORDS | {"gateway"},  # it signs its webhooks as the CRM would, with what the gateway checks them by
}
"""By room of `services` (or `schemas`): the others that its files may import. A room may always import itself."""

EVERYTHING_BUT_ADAPTERS = (frozenset(MAY_IMPORT) | {"wiring"}) - {"adapters"}
MAY_IMPORT["wiring"] = frozenset(MAY_IMPORT)
MAY_IMPORT["cli"] = EVERYTHING_BUT_ADAPTERS - {"gateway", "tracker", "notifier", "metrics", "board"}

IMPURE = frozenset({"asyncio", "multiprocessing", "os", "pathlib", "random", "secrets", "socket", "subprocess", "time"})
"""Of the standard library, what would bring a clock, chance or the world outside into the domain."""
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})
WORLD_CALLS = frozenset({"open", "print", "input", "__import__", "exec", "eval"})
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb", "putenv"})

FILES = sorted(path for top in ("services", "schemas") for path in (ROOT / top).rglob("*.py"))


def name_of(path: Path) -> str:
    """`services/domain/fold.py`, for messages and the names of tests."""
    return path.relative_to(ROOT).as_posix()


def room_of(module: str) -> str:
    """The room of a dotted module: `services.board.api` is of `board`, all of `schemas` is one room."""
    parts = module.split(".")
    return "schemas" if parts[0] == "schemas" else parts[1]


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules_imported(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of each import, those inside functions too."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: write the import with its whole name"
            whole = node.module or ""
            if whole == "services":  # `from services import health` imports a room
                yield from ((node.lineno, f"services.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, whole


def own_room(path: Path) -> str:
    """The room that a file lies in."""
    return room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))


def files_of_rooms() -> list[Path]:
    """Every file but the empty ones that make `services` a package."""
    return [path for path in FILES if path != ROOT / "services" / "__init__.py"]


def test_every_room_is_in_the_table() -> None:
    """A new room of `services` says in the table above what it may import."""
    missing = {own_room(path) for path in files_of_rooms()} - MAY_IMPORT.keys()
    assert not missing, f"add to MAY_IMPORT, with the rooms that each may import: {', '.join(sorted(missing))}"


def test_the_table_itself_goes_one_way() -> None:
    """No room may import, over whatever detour, one that may import it."""
    order: list[str] = []
    left = dict(MAY_IMPORT)
    while left:
        free = sorted(room for room, imports in left.items() if imports <= set(order) | {room})
        assert free, f"a circle among {', '.join(sorted(left))}"
        order += free
        left = {room: imports for room, imports in left.items() if room not in free}
    assert order[-1] == "cli"


def test_imports_go_one_way() -> None:
    """A file imports from its own room and from those that the table allows it."""
    wrong = [
        f"{name_of(path)}:{line}: {own} must not import {module}"
        for path in files_of_rooms()
        for own in [own_room(path)]
        for line, module in modules_imported(path)
        if module.split(".")[0] in ("services", "schemas")
        and room_of(module) not in MAY_IMPORT.get(own, frozenset()) | {own}
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_imports_the_tests() -> None:
    """What is installed stands without the tests."""
    wrong = [
        f"{name_of(path)}:{line}: {module}"
        for path in FILES
        for line, module in modules_imported(path)
        if module.split(".")[0] == "tests"
    ]
    assert not wrong, "\n".join(wrong)


def files_of_domain() -> list[Path]:
    """Every file of the domain."""
    found = [path for path in files_of_rooms() if own_room(path) == DOMAIN]
    assert found
    return found


def test_the_domain_imports_the_standard_library_and_itself_alone() -> None:
    """No library, and of the standard library nothing that knows the time, chance or the world outside."""
    wrong = [
        f"{name_of(path)}:{line}: {module}"
        for path in files_of_domain()
        for line, module in modules_imported(path)
        for top in [module.split(".")[0]]
        if not module.startswith("services.domain") and (top not in sys.stdlib_module_names or top in IMPURE)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_domain_never_asks_for_the_time_nor_opens_a_file() -> None:
    """Time comes in as an argument; nothing is read, printed or asked for."""
    wrong = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node.func)}()"
        for path in files_of_domain()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS)
            or (isinstance(node.func, ast.Name) and node.func.id in WORLD_CALLS)
        )
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_settings_read_the_environment() -> None:
    """What is set from outside is read in one place, where it is checked and documented."""
    wrong = [
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in files_of_rooms()
        if own_room(path) != "settings"
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and ENVIRONMENT & {one.name for one in node.names})
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_checked_by_an_assert() -> None:
    """`python -O` drops assert statements: what must hold is checked by an `if` that raises."""
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assert)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_is_for() -> None:
    """A module begins with a docstring; one that is empty needs none."""
    wrong = [name_of(path) for path in FILES if tree_of(path).body and not ast.get_docstring(tree_of(path))]
    assert not wrong, "no docstring: " + ", ".join(wrong)
