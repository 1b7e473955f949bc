"""Findings as files: Markdown for people, CSV and JSON for programs, PNG for the eye."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.lab.curves import training_seconds
from experiments.lab.findings import Findings, Found, Listing, Measured
from experiments.lab.lab import Lab
from experiments.lab.store import Test, with_seeds
from hidra_tf.evaluation.intervals import Estimate
from hidra_tf.methods import METHODS
from hidra_tf.options import setting_of
from hidra_tf.runs.config import format_ways
from hidra_tf.runs.place.folder import write_atomically
from hidra_tf.runs.records.reading import validation_of
from hidra_tf.runs.records.results import task_seed

NOTHING = "–"


def write(name: str, findings: Findings, lab: Lab, folder: Path) -> None:
    """Writes `folder/name/BUDGET.*`: numbers as JSON and CSV, tables as Markdown, figures as PNG.

    Args:
        name: the study's.
        findings: what it found.
        lab: where it worked.
        folder: the folder of all results.
    """
    place, budget = folder / name, lab.budget.name
    place.mkdir(parents=True, exist_ok=True)
    for figure, image in findings.figures.items():
        write_atomically(place / f"{budget}_{figure}.png", image)
    records = [record for found in findings.tables for record in _records(found, lab)]
    if records:
        write_atomically(place / f"{budget}.csv", _as_csv(records))
    for listing in filter(lambda one: one.records, findings.listings):
        write_atomically(place / f"{budget}_{listing.name}.csv", _as_csv(listing.records))
    numbers = {
        "study": name,
        "budget": budget,
        "cells": records,
        "missing": missing(findings),
        **{listing.name: listing.records for listing in findings.listings},
        **findings.numbers,
    }
    write_atomically(place / f"{budget}.json", json.dumps(numbers, indent=1) + "\n")
    write_atomically(place / f"{budget}.md", markdown(findings, lab))


def missing(findings: Findings) -> list[str]:
    """What was not measured: lines of tables, or parts of them, and what else the study names."""
    lines = [text for found in findings.tables for text in found.missing()]
    return [*lines, *findings.absent]


def markdown(findings: Findings, lab: Lab) -> str:
    """The tables, how each line came about, what is missing, the figures and the words."""
    parts = [part for found in findings.tables for part in (_table(found), _how(found, lab))]
    parts += [_listing(one) for one in findings.listings if one.shown and one.records]
    if missing(findings):
        parts.append(f"Not measured with this budget: {'; '.join(missing(findings))}.")
    parts += [f"![{figure}]({lab.budget.name}_{figure}.png)" for figure in findings.figures]
    return "\n\n".join([*filter(None, parts), *findings.words]) + "\n"


def plain_table(title: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown whose cells are texts; the first column names the rows."""
    lines = [f"**{title}**", "", f"| {' | '.join(heading)} |", "|" + "---|" * len(heading)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _table(found: Found) -> str:
    """A table of Markdown with the paper's numbers, ours, and the difference."""
    table = found.table
    columns = list(dict.fromkeys(c.cell.column for line in found.lines for c in line))
    lines = [
        f"**{table.title}** ({table.unit})",
        "",
        f"| | {table.columns}: | {' | '.join(columns)} |",
        "|" + "---|" * (len(columns) + 2),
    ]
    for line, cells in zip(table.lines, found.lines, strict=True):
        by_column = {measured.cell.column: measured for measured in cells}
        # A line that nobody has measured yet is named below the table.
        rows = list(_rows(by_column, columns, table.digits))
        for number, (what, texts) in enumerate(rows):
            label = line.label if number == 0 else ""
            lines.append(f"| {label} | {what} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _listing(listing: Listing) -> str:
    """A listing as a table of Markdown."""
    names = list(listing.records[0])
    rows = [[_value(record[n], listing.digits) for n in names] for record in listing.records]
    return plain_table(listing.title, names, rows)


def _value(value: object, digits: int) -> str:
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return NOTHING if value is None else str(value)


def _rows(
    cells: Mapping[str, Measured], columns: Sequence[str], digits: int
) -> Iterator[tuple[str, list[str]]]:
    """The paper's numbers, ours and the difference of a line, each as a row if it has any."""
    present = [cells.get(column) for column in columns]
    if any(one and one.cell.paper is not None for one in present):
        yield "paper", [_number(one and _published(one), digits) for one in present]
    if any(one and one.ours is not None for one in present):
        yield "ours", [_number(one and one.ours, digits) for one in present]
    if any(one and one.difference is not None for one in present):
        yield "difference", [_signed(one and one.difference, digits) for one in present]


def _published(measured: Measured) -> Estimate | None:
    cell = measured.cell
    return None if cell.paper is None else Estimate(cell.paper, cell.paper_interval)


def _number(estimate: Estimate | None, digits: int) -> str:
    if estimate is None:
        return NOTHING
    interval = "" if estimate.ci95 is None else f" ± {estimate.ci95:.{digits}f}"
    return f"{estimate.mean:.{digits}f}{interval}"


def _signed(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:+.{digits}f}"


def _how(found: Found, lab: Lab) -> str:
    """How each line came about; lines that came about alike are named together."""
    alike: dict[str, list[str]] = {}
    for line, cells in zip(found.table.lines, found.lines, strict=True):
        measured = [one for one in cells if one.ours is not None]
        columns: dict[str, list[str]] = {}
        for one in measured:
            columns.setdefault(_how_cell(one, lab), []).append(one.cell.column)
        for text, where in columns.items():
            part = f" at {', '.join(where)} {found.table.columns}"
            alike.setdefault(text, []).append(line.label + part * (len(columns) > 1))
    return "\n".join(f"- {', '.join(labels)}: {text}" for text, labels in alike.items())


def _how_cell(measured: Measured, lab: Lab) -> str:
    made = measured.made[0]
    return (
        f"{_training(measured, lab)}{made['tasks']} {made['split']} tasks of seed "
        f"{task_seed(made)}, {made['shots']} shots, {setting_of(made['norm'])} "
        f"(`norm={made['norm']}`){_validation(measured)}"
    )


def _training(measured: Measured, lab: Lab) -> str:
    """How much was trained, in words that end in a comma."""
    config = measured.cell.test.config
    seeds = format_ways(sorted(one["seed"] for one in measured.made))
    seeds = f"seed{'s' if len(measured.made) > 1 else ''} {seeds}, "
    if not METHODS[config.method].trains:
        return f"nothing trained, {seeds}"
    many, what = config.meta_batch, "tasks"
    if METHODS[config.method].batches:
        many, what = config.batch_size, "pictures"
    return f"{config.steps:,} updates × {many} {what}, {seeds}{_minutes(measured, lab)}"


def _minutes(measured: Measured, lab: Lab) -> str:
    taken = [training_seconds(lab.store.run(one.config)) for one in _tests(measured)]
    known = [seconds for seconds in taken if seconds is not None]
    return f"{sum(known) / len(known) / 60:.1f} minutes each, " if known else ""


def _tests(measured: Measured) -> list[Test]:
    """The tests of the seeds that were measured."""
    return with_seeds(measured.cell.test, [one["seed"] for one in measured.made])


def _validation(measured: Measured) -> str:
    known = [found for found in map(validation_of, measured.made) if found is not None]
    if len(known) < len(measured.made):
        return ""
    return f", {100 * sum(value for value, _ in known) / len(known):.2f} % on validation classes"


def _records(found: Found, lab: Lab) -> Iterator[dict[str, Any]]:
    """One flat record for each cell."""
    for line, cells in zip(found.table.lines, found.lines, strict=True):
        for measured in cells:
            cell, made = measured.cell, measured.made[0] if measured.made else None
            config = cell.test and cell.test.config
            yield {
                "table": found.table.title,
                "unit": found.table.unit,
                "line": line.label,
                found.table.columns: cell.column,
                "paper": cell.paper,
                "paper_interval": cell.paper_interval,
                "ours": measured.ours and measured.ours.mean,
                "ci95": measured.ours and measured.ours.ci95,
                "difference": measured.difference,
                "updates": config and config.steps,
                "meta_batch": config and config.meta_batch,
                "seeds": format_ways(sorted(one["seed"] for one in measured.made)),
                "tasks": made and made["tasks"],
                "norm": made and made["norm"],
                "setting": made and setting_of(made["norm"]),
                "run": config and lab.store.run(config).name,
                "beside": cell.beside and lab.store.run(cell.beside.config).name,
            }


def _as_csv(records: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
