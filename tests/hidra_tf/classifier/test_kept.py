import copy
import pickle

from hidra_tf.classifier import kept
from hidra_tf.classifier.kept import kept_with


class Owner:
    pass


def test_a_thing_is_made_once_for_each_owner_and_key():
    one, other = Owner(), Owner()
    made = kept_with(one, "a", object)
    assert kept_with(one, "a", object) is made
    assert kept_with(one, "b", object) is not made
    assert kept_with(other, "a", object) is not made


def test_copies_begin_with_nothing_and_take_nothing_away():
    owner = Owner()
    made = kept_with(owner, "a", lambda: lambda: None)  # which cannot be pickled
    for twin in (copy.copy(owner), copy.deepcopy(owner), pickle.loads(pickle.dumps(owner))):
        theirs = kept_with(twin, "a", object)
        assert theirs is not made and kept_with(twin, "a", object) is theirs
    assert kept_with(owner, "a", object) is made


def test_what_was_used_least_recently_goes_first(monkeypatch):
    monkeypatch.setattr(kept, "MOST", 2)
    owner = Owner()
    first, second = kept_with(owner, 1, object), kept_with(owner, 2, object)
    assert kept_with(owner, 1, object) is first
    kept_with(owner, 3, object)
    assert kept_with(owner, 1, object) is first
    assert kept_with(owner, 2, object) is not second
