"""Commands of an operator: ``python -m lunas.cli COMMAND``, on AWS and on the local stack.

They run with the credentials of the caller and are left out of the layer that is deployed.
"""
