"""``make sam-local``: the API by ``sam local``, in Docker, on the state of the local stack.

``command`` runs it, ``docker`` asks the engine, ``reach`` decides by which address containers
reach this machine, ``forward`` and ``namespaces`` make that address answer, ``settings`` writes
the template and the variables that SAM reads.
"""

from local.sam_local.command import PORT, serve

__all__ = ["PORT", "serve"]
