import numpy as np
import pytest

from hidra_tf.classifier.labels import as_labels, classes_array, ordered


def test_labels_keep_their_values_and_classes_their_order():
    assert as_labels(np.array(["b", "a"]), 2) == ["b", "a"]
    assert as_labels((3, 1), 2) == [3, 1]
    assert as_labels([("a", 1), ("a", 2)], 2) == [("a", 1), ("a", 2)]
    assert ordered({3, 1, 2}) == [1, 2, 3]
    assert ordered({"b", 1, "a"}) == [1, "a", "b"]
    assert classes_array([1, "a"]).dtype == object
    assert classes_array([("a", 1)]).tolist() == [("a", 1)]
    assert classes_array([True, False]).dtype == bool


@pytest.mark.parametrize(
    "labels, message",
    [
        (None, "requires y to be passed"),
        ("ab", "one label for each picture; received 'ab'"),
        (5, "one label for each picture; received 5"),
        ([1], "expected 2, one for each picture; received 1"),
        (np.eye(2), r"expected a shape \[N\]; received \[2, 2\]"),
        ([0.5, 1.5], "Unknown label type: continuous"),
        ([[1], [2]], r"expected hashable labels; received \[1\]"),
        ([1, None], "a label for each picture; received None"),
        (np.array([1.0, np.nan], object), "received nan"),
        ({1, 2}, "one label for each picture; received"),
        ({"a": 1, "b": 2}, "one label for each picture; received"),
        ([True, 1], "equal labels to be of one type; received 1 as bool and as int"),
        (np.ma.masked_array([1, 2], [False, True]), "received masked ones"),
    ],
    ids=str,
)
def test_what_is_no_label_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        as_labels(labels, 2)
