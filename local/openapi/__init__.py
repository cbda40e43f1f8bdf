"""The OpenAPI document of the whole API: ``make openapi`` writes it, ``make check`` compares it.

It is derived offline, so that no function builds schemas when it starts:

- ``routes``: each route as its handler declares it, by its docstring, signature and return type
- ``views``: JSON schemas of the types that the handlers return
- ``inputs``: what bodies and parameters check beyond the JSON schema that pydantic writes
- ``access``: who may call, as security requirements
- ``problems``, ``samples``, ``input_samples``: errors and examples
- ``webhooks``: routes without a resolver
- ``document``: all of it together
"""
