"""Which flags a comparison of runs takes."""

from absl import flags as absl_flags

from flags import comparison, evaluation


def test_a_comparison_takes_all_flags_of_evaluations_but_for_what_it_does_not_write():
    modules = absl_flags.FLAGS.flags_by_module_dict()
    ours = {flag.name for flag in modules[evaluation.__name__]}
    assert ours - set(comparison._READ) == {"eval_confusion"}
