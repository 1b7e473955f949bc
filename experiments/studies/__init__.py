"""One short module for each study of the papers."""

from experiments.lab.study import Study
from experiments.studies import any_way, figure8, seconds, table1, table2

STUDIES: dict[str, Study] = {
    study.name: study
    for study in (table1.STUDY, table2.STUDY, figure8.STUDY, any_way.STUDY, seconds.STUDY)
}
