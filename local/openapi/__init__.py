"""The OpenAPI document of the whole API: ``make openapi`` writes it, ``make check`` compares it.

It is made offline, so that no function loads descriptions, examples and response models when it
starts. Paths, parameters and bodies come from the functions themselves, through Powertools; what
the functions do not tell is added here:

- ``functions``, ``merged``: every function's resolver, and what they tell together
- ``access``: who may call, as security requirements
- ``models``, ``schemas``: what the API shows, as ``lunas.api.responses`` writes it
- ``problems``: the errors, made by ``lunas.api.problems``
- ``samples``: the examples
- ``described``, ``operations``: route by route, what is answered and which errors can come
- ``inputs``: what bodies and parameters check beyond their JSON schema
- ``webhooks``: routes without a resolver
- ``document``: all of it together
"""
