"""The pydantic models that 0.2 showed for tool declarations. Loaded only when somebody names one."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Parameters(BaseModel):
    """Parameters of a function as defined by the OpenAI API."""

    type: Literal["object"] = "object"
    properties: dict[str, dict[str, Any]]
    required: list[str]


class Function(BaseModel):
    """A function as defined by the OpenAI API."""

    description: str = Field(description="Description of the function")
    name: str = Field(description="Name of the function")
    parameters: Parameters = Field(description="Parameters of the function")


class ToolFunction(BaseModel):
    """A function under tool as defined by the OpenAI API."""

    type: Literal["function"] = "function"
    function: Function = Field(description="Function under tool")
