"""One short module for each study of the papers."""

from experiments.lab.study import Study
from experiments.studies import collapse, facts, figure3, figure4, norms, table2

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (
        table2.STUDY,
        figure3.STUDY,
        figure4.STUDY,
        facts.STUDY,
        norms.STUDY,
        collapse.STUDY,
    )
}
