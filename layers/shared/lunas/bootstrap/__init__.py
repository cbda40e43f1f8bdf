"""Builds the services with their dependencies.

A function imports only what its own services need, and passes their builders to
``lunas.aws.clients.prepare``, so that Lambda loads them while the function starts. Each request
builds its services again: they hold no state, and building one makes no calls.
"""
