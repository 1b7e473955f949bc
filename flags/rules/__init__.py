"""When each flag has an effect: each is classified here, and a test fails for one that is not.

Flags about how something is computed (`inner_loop`, `task_map`, `recompute`, …) are there to be
compared, and so always have an effect. What a method has no use for, its registry says.
"""

from __future__ import annotations

from flags.rules.data import DATA, TASKS
from flags.rules.evaluation import EVALUATION
from flags.rules.method import METHOD
from flags.rules.own_pictures import OWN_PICTURES, PAGE
from flags.rules.training import TRAINING
from flags.situation import Rule

# The rules of every concern, none of which has a flag of another's.
CONCERNS = (DATA, TASKS, METHOD, TRAINING, EVALUATION, OWN_PICTURES, PAGE)

EFFECTS: dict[str, tuple[Rule, ...]] = {
    flag: rules for concern in CONCERNS for flag, rules in concern.items()
}
