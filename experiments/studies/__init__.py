"""One short module for each study of the papers."""

from experiments.lab.study import Study
from experiments.studies import (
    any_way,
    collapse,
    facts,
    figure3,
    figure4,
    figure8,
    norms,
    seconds,
    table1,
    table2,
)

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        table1.STUDY,
        table2.STUDY,
        figure3.STUDY,
        figure4.STUDY,
        figure8.STUDY,
        any_way.STUDY,
        collapse.STUDY,
        facts.STUDY,
        norms.STUDY,
        seconds.STUDY,
    )
}
