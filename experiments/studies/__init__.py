"""One short module for each study of the papers."""

from experiments.lab.study import Study
from experiments.studies import (
    ablation,
    any_way,
    collapse,
    cross_domain,
    facts,
    figure3,
    figure4,
    figure8,
    mini_imagenet,
    norms,
    seconds,
    table1,
    table2,
    times,
    toy,
    update_size,
)

_ALL: tuple[Study, ...] = (
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
    toy.STUDY,
    mini_imagenet.STUDY,
    cross_domain.STUDY,
    update_size.STUDY,
    ablation.STUDY,
    times.STUDY,
)

STUDIES: dict[str, Study] = {study.name: study for study in _ALL}
