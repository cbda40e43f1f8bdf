"""A service's description keeps what the code of the layer calls."""

from typing import Any

from slim import called

MEMBERS = {"GetTea": ("GetTeaInput", "Tea"), "DeleteTea": ("DeleteTeaInput", "Nothing")}
DESCRIPTION: dict[str, Any] = {
    "metadata": {"serviceId": "Tea"},
    "operations": {
        name: {"name": name, "input": {"shape": given}, "output": {"shape": found}}
        for name, (given, found) in MEMBERS.items()
    },
    "shapes": {
        "GetTeaInput": {"type": "structure", "members": {"Name": {"shape": "Name"}}},
        "DeleteTeaInput": {"type": "structure", "members": {"Name": {"shape": "Name"}}},
        "Tea": {"type": "structure", "members": {"Like": {"shape": "Teas"}}},
        "Teas": {"type": "list", "member": {"shape": "Tea"}},
        "Name": {"type": "string"},
        "Nothing": {"type": "structure", "members": {}},
        "TooHot": {"type": "structure", "members": {"By": {"shape": "Degrees"}}, "exception": True},
        "Degrees": {"type": "integer"},
    },
}


def test_operations_that_no_code_names_are_left_out_with_their_shapes() -> None:
    kept = called(DESCRIPTION, {"get_tea", "delete"})
    assert list(kept["operations"]) == ["GetTea"]
    assert set(kept["shapes"]) == set(DESCRIPTION["shapes"]) - {"DeleteTeaInput", "Nothing"}
    assert kept["metadata"] == DESCRIPTION["metadata"]


def test_nothing_is_left_out_of_what_all_is_called() -> None:
    assert called(DESCRIPTION, {"get_tea", "delete_tea"}) == DESCRIPTION


def test_other_descriptions_stay_whole() -> None:
    rules = {"version": "1.0", "rules": [{"shape": "none"}]}
    assert called(rules, set()) == rules
