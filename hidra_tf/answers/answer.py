"""From a request to what is printed and written."""

from __future__ import annotations

from pathlib import Path

from data_gen import own_pictures
from data_gen.errors import UserError, printable
from data_gen.own_pictures import OwnPictures
from hidra_tf.answers import report, sheet, tables
from hidra_tf.answers.answering import Answer, answers
from hidra_tf.answers.learning import NOTHING, Learned, labels_of, learn
from hidra_tf.answers.request import Request
from hidra_tf.answers.scoring import Score, confusion, score
from hidra_tf.classifier import starts
from hidra_tf.classifier.estimator import FewShotClassifier
from hidra_tf.runs.place.whole import new_folder
from hidra_tf.runs.records.confusion import chart
from hidra_tf.runs.terminal.refusals import in_one_line
from hidra_tf.runs.terminal.stopped import told_when_stopped


@in_one_line
def answer(request: Request) -> None:
    """Learns, predicts, prints and writes what is asked; what is written is whole or not there.

    Raises:
        UserError: if pictures are missing, damaged or cannot be told apart, if there is nothing to
            start from, or if something cannot be written.
        KeyboardInterrupt: after Ctrl-C; nothing was written.
    """
    with told_when_stopped(lambda: "stopped; nothing was written"):
        if request.queries is None:
            _save(_taught(request)[0], request)
            return
        # That nothing can be written there is found before anything is learned.
        with new_folder(request.output_dir) as folder:
            classifier, learned = _taught(request)
            written = _predict(classifier, request, learned, folder)
            _save(classifier, request)
    print(f"written       {printable(request.output_dir)}: {', '.join(written)}")


def _taught(request: Request) -> tuple[FewShotClassifier, Learned]:
    classifier = start_of(request)
    learned = _learn(classifier, request)
    _check_names(classifier)
    return classifier, learned


def start_of(request: Request) -> FewShotClassifier:
    """The classifier that a request starts from.

    Raises:
        UserError: if there is none, or if it has learned nothing and is to learn nothing.
    """
    settings = {
        name: value
        for name in ("n_steps", "invert", "frame", "unknown_below")
        if (value := getattr(request, name)) is not None
    }
    if request.run_dir is not None:
        run = (request.run_dir, request.checkpoint, request.norm, request.backbone)
        return FewShotClassifier(starts.of_run(*run), **settings)
    if request.initialization is not None:
        return FewShotClassifier.from_pretrained(request.initialization, **settings)
    classifier = FewShotClassifier.load(request.classifier).set_params(**settings)
    if request.support is None and not hasattr(classifier, "memory_"):
        raise UserError(
            f"classifier: expected one that has learned some classes; {request.classifier} has "
            "learned none: `adapt` teaches it"
        )
    return classifier


def _learn(classifier: FewShotClassifier, request: Request) -> Learned:
    if request.support is None:
        print(report.known(request.start, _counts(classifier)), flush=True)
        return NOTHING
    learned = learn(classifier, request.support)
    report.warn_of_left_out(request.support.tree.root, learned.left_out)
    print(report.learning(request.support, learned, request.start), flush=True)
    if set(learned.counts) != set(labels_of(classifier)):
        print(f"knows         {report.classes(_counts(classifier))}", flush=True)
    return learned


def _counts(classifier: FewShotClassifier) -> dict[str, int]:
    return {str(label): classifier.memory_.counts[label] for label in classifier.classes_.tolist()}


def _check_names(classifier: FewShotClassifier) -> None:
    """Raises `UserError` if an answer could mean a class, or that there is none."""
    if classifier.unknown_below is not None and (
        str(classifier.unknown_label) in labels_of(classifier)
    ):
        raise UserError(
            f"unknown_below: expected no class of the name {classifier.unknown_label}, which is "
            "the answer where no class is probable enough; received one"
        )


def _predict(
    classifier: FewShotClassifier, request: Request, learned: Learned, folder: Path
) -> list[str]:
    """Prints the answers and writes their files into a folder; returns the names of the files."""
    names = list(labels_of(classifier))
    queries = own_pictures.by_class(request.queries, names)
    scored = any(name in queries.classes for name in names)
    left_out = dict(queries.left_out)
    found = answers(classifier, queries, scored, learned.digests, left_out)
    report.warn_of_left_out(queries.tree.root, left_out)
    report.warn_of_empty(queries)
    report.warn_of_seen(found)
    result = score(found, names)
    _show(classifier, queries, found, left_out, result)
    files = _files(request, learned, found, left_out, result, _counts(classifier))
    try:
        for name, contents in files.items():
            data = contents.encode() if isinstance(contents, str) else contents
            (folder / name).write_bytes(data)
    except OSError as error:
        raise UserError(
            f"{request.output_dir}: expected room for the answers; received {error}"
        ) from error
    return list(files)


def _show(
    classifier: FewShotClassifier,
    queries: OwnPictures,
    found: list[Answer],
    left_out: dict[str, str],
    result: Score | None,
) -> None:
    print(f"{report.predicting(queries, found, left_out)}\n\n{report.table(found)}\n")
    print(report.taken(found))
    if classifier.unknown_below is not None:
        print(report.unknown(found, classifier.unknown_below))
    if result is not None:
        print(report.accuracy(result), flush=True)
    elif folders := sorted({name.rpartition("/")[0] for name in queries.names} - {""}):
        print(report.no_accuracy(folders), flush=True)


def _files(
    request: Request,
    learned: Learned,
    found: list[Answer],
    left_out: dict[str, str],
    result: Score | None,
    counts: dict[str, int],
) -> dict[str, str | bytes]:
    """The names of the files and what they hold."""
    made: dict[str, str | bytes] = {"predictions.csv": tables.predictions(found)}
    made |= sheet.pages(learned, found, counts)
    table = confusion(found, list(counts))
    if table is not None:
        made["confusion.csv"] = tables.matrix(*table)
        title = f"{result.all.right} of {report.pictures(result.all.total)} are right"
        made["confusion.png"] = chart(*table, title)
    if learned.left_out or left_out:
        made["left_out.csv"] = tables.left_out(learned.left_out, left_out)
    made["summary.json"] = tables.summary(request, counts, learned, found, left_out, result)
    return made


def _save(classifier: FewShotClassifier, request: Request) -> None:
    if request.save is not None:
        classifier.save(request.save)
        print(f"saved         {printable(request.save)}")
