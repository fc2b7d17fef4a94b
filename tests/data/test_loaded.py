"""What was loaded for a run, as JSON and back."""

from __future__ import annotations

import json

import pytest

from harness.data.loaded import loaded
from harness.experiment import Json
from harness.run_result import Loaded
from harness.system.json_value import Value, WrongForm


class TestLoaded:
    """`loaded`"""

    @pytest.mark.parametrize("content", [None, "ab12"])
    def test_what_is_written_is_read(self, content: str | None) -> None:
        record = Loaded(7, 3, ("cat", "dog"), content, validation_examples=2)
        written = {
            "train_examples": 7,
            "test_examples": 3,
            "classes": ["cat", "dog"],
            "content": content,
            "validation_examples": 2,
        }
        assert json.loads(json.dumps(record.to_json())) == written
        assert loaded(Value(written)) == record

    def test_a_record_from_before_there_were_validation_sets_has_none(self) -> None:
        written = {"train_examples": 7, "test_examples": 3, "classes": ["cat"], "content": None}
        assert loaded(Value(written)) == Loaded(7, 3, ("cat",), None)

    @pytest.mark.parametrize(
        "changes",
        [
            {"train_examples": None},
            {"train_examples": 10**400},
            {"train_examples": "7"},
            {"test_examples": 3.0},
            {"test_examples": True},
            {"test_examples": -1},
            {"classes": "cat"},
            {"classes": [1]},
            {"content": 3},
            {"validation_examples": -1},
        ],
    )
    def test_another_form_is_refused(self, changes: Json) -> None:
        written = {"train_examples": 7, "test_examples": 3, "classes": ["cat"], "content": None}
        with pytest.raises(WrongForm, match="expected"):
            loaded(Value(written | changes))

    @pytest.mark.parametrize("value", [None, [], 3, "data"])
    def test_what_is_no_object_is_refused(self, value: Json) -> None:
        with pytest.raises(WrongForm, match="expected"):
            loaded(Value(value))
