from dataclasses import fields, is_dataclass

from services.core.addresses.arguments import ARGUMENTS
from services.transform.render.effects import EFFECTS


def test_each_argument_with_an_effect_has_a_class_of_its_name_for_its_value() -> None:
    assert list(EFFECTS) == [argument.name for argument in ARGUMENTS if argument.is_effect]
    for name, effect in EFFECTS.items():
        assert isinstance(effect, type)
        # The ETag of a rendition has this name.
        assert effect.__name__.lower() == name
        assert is_dataclass(effect)
        assert len(fields(effect)) == 1
