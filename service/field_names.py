"""Finds the field that was probably meant by a name which a model does not have. Pure."""

from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel


def nearest_field(model: type[BaseModel], location: tuple[str | int, ...]) -> str | None:
    """Return the known name that is nearest to the unknown one, the last of `location`, or None.

    `location` is the `loc` of a pydantic error about `model`.
    """
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    names = [field.alias or name for name, field in model.model_fields.items()]
    return next(iter(get_close_matches(str(location[-1]), names, n=1)), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as `dict[Name, BucketSettings]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in models if model is not None), None)
