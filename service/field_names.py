"""Finds the field that was probably meant by a name which a model does not have. Pure."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_Location = tuple[str | int, ...]


def nearest_field(model: type[BaseModel], location: _Location) -> str | None:
    """Return the known name that is nearest to the unknown one, the last of `location`, or None.

    `location` is the `loc` of a pydantic error about `model`.
    """
    return nearest(str(location[-1]), names(model_at(model, location[:-1])))


def nearest(name: str, known: list[str], cutoff: float = 0.6) -> str | None:
    """Return the known name nearest to `name`. `cutoff` is the least similarity, up to 1."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)


def model_at(model: type[BaseModel], location: _Location) -> type[BaseModel]:
    """Return the model at `location`, the `loc` of a pydantic error about `model`."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model


def field_at(model: type[BaseModel], location: _Location) -> FieldInfo | None:
    """Return the field that has the value at `location`: that value, or a list or map with it."""
    return _field_and_type(model, location)[0]


def type_at(model: type[BaseModel], location: _Location) -> Any:
    """Return the type of the value at `location`, without what annotates it, or None."""
    return _field_and_type(model, location)[1]


def _field_and_type(model: type[BaseModel], location: _Location) -> tuple[FieldInfo | None, Any]:
    found: FieldInfo | None = None
    within: Any = model
    for part in location:
        if isinstance(within, type) and issubclass(within, BaseModel):
            if (found := within.model_fields.get(str(part))) is None:
                return None, None
            within = _without_none(found.annotation)
        else:  # an item of a list or map, whose type comes last, before an ellipsis
            inner = [each for each in get_args(within) if each is not ...]
            within = _without_none(inner[-1]) if inner else None
    return found, within


def names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def fields_with_models(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield each field that has a model, or several, with that model; at all levels."""
    for name, field in model.model_fields.items():
        if (inner := _model_in(field.annotation)) is not None:
            yield name, inner
            yield from fields_with_models(inner)


def _without_none(annotation: Any) -> Any:
    """Return `X` of `X | None`, without what annotates it."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(each for each in get_args(annotation) if each is not NoneType)
    return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as `dict[Name, BucketSettings]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in models if model is not None), None)
