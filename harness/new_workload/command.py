"""The command `speechmark new-workload`."""

from __future__ import annotations

import keyword
import re
import shlex
from pathlib import Path

import click
import jinja2

from harness.plan import discover
from harness.suite import ROOMS

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 24  # characters of a name, for lines that hold it have 88 at most
TEMPLATES = {
    "bench.py.jinja": "benchmarks/bench_{module}.py",
    "package.py.jinja": "workloads/{module}/__init__.py",
    "task.py.jinja": "workloads/{module}/task.py",
    "data.py.jinja": "workloads/{module}/data.py",
    "model.py.jinja": "workloads/{module}/model.py",
    "test_task.py.jinja": "tests/workloads/{module}/test_{module}_task.py",
}
FILE_TEMPLATE = "file.py.jinja"
IMPORT = re.compile(r"^from \S+ import (?:\([^)]*\)|[^(\n]+)\n", re.MULTILINE)


def check_name(_: click.Context, __: click.Parameter, name: str) -> str:
    """Of a workload that there is not yet."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST:
        raise click.BadParameter(
            f"{name!r}: give at most {LONGEST} lower-case letters, digits and single "
            "hyphens, a letter first, and no word of Python's own: keyword-spotting"
        )
    workloads = discover()
    taken = {workload.name for workload in workloads}
    for workload in workloads:
        taken |= {one.model for points in workload.points.values() for one in points}
    if found := taken & {name, f"{name}-training", f"{name}-small"}:
        raise click.BadParameter(
            f"the suite has a workload or a model {min(found)}: give another name"
        )
    return name


@click.command("new-workload")
@click.argument("name", callback=check_name)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="A checkout of the suite; default: the working folder.",
)
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Write a single file of your own instead, for --workload.",
)
def new_workload(name: str, into: Path | None, file: Path | None) -> None:
    """Write a workload that runs, to be changed into your own.

    It makes its sounds, trains, is compressed and scored as it is written; comments
    that begin with "Replace" mark what is yours. Nothing is overwritten.
    """
    if file and into:
        raise click.UsageError("--file says where: leave out --into")
    files = the_file(name, file) if file else the_folder(name, into or Path())
    for path in files:
        if path.exists():
            raise click.ClickException(f"{path} exists: give another name, or move it")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        click.echo(f"wrote {path}")
    click.echo("next:")
    for command in next_commands(name, file):
        click.echo(f"    {command}")


def the_folder(name: str, checkout: Path) -> dict[Path, str]:
    """What a workload of the suite consists of, by path."""
    missing = [one for one in ROOMS if not (checkout / one / "__init__.py").is_file()]
    if missing:
        raise click.ClickException(
            f"{checkout.resolve()} is no checkout of the suite, for it has no "
            f"{missing[0]}: give one by --into DIR, or write a file of your own by "
            f"--file {module_of(name)}.py"
        )
    module = module_of(name)
    for taken in (f"workloads/{module}", f"workloads/{module}.py"):
        if (checkout / taken).exists():
            raise click.ClickException(f"{checkout / taken} exists: give another name")
    return {
        checkout / path.format(module=module): rendered(template, name, module)
        for template, path in TEMPLATES.items()
    }


def the_file(name: str, file: Path) -> dict[Path, str]:
    """A whole workload in one file."""
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise click.BadParameter(
            f"{file}: give the name of a module, such as {module_of(name)}.py",
            param_hint="--file",
        )
    return {file: rendered(FILE_TEMPLATE, name, "")}


def module_of(name: str) -> str:
    return name.replace("-", "_")


def rendered(template: str, name: str, module: str) -> str:
    """A template's text; `module` is empty for a file that stands alone."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
    )
    title = "".join(part.capitalize() for part in name.split("-"))
    text = environment.get_template(template).render(
        name=name, module=module, title=title
    )
    return sorted_imports(text) + "\n"


def sorted_imports(text: str) -> str:
    """With each run of `from ... import` statements in their order, which depends on
    the name of the workload.

    >>> sorted_imports("from b import c\\nfrom a import (\\n    b,\\n)\\n")
    'from a import (\\n    b,\\n)\\nfrom b import c\\n'
    """

    def in_order(run: re.Match[str]) -> str:
        return "".join(sorted(IMPORT.findall(run[0]), key=lambda one: one.split()[1]))

    return re.sub(f"(?:{IMPORT.pattern})+", in_order, text, flags=re.MULTILINE)


def next_commands(name: str, file: Path | None) -> list[str]:
    """How to train it, to measure it, and to see its cases."""
    if file is None:
        return [
            f"python -m workloads.train --model {name}-small --ship",
            f"pytest --benchmark-only --profile=quick -k {name}",
            f"pytest tests/workloads/{module_of(name)}",
        ]
    path = shlex.quote(str(file))
    return [
        f"SPEECHMARK_WORKLOADS={path} python -m workloads.train --model {name}-small",
        f"pytest --benchmark-only --profile=quick -k {name} --workload={path}",
        f"speechmark plan -k {name} --workload={path}",
    ]
