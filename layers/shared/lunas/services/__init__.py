"""The services: what Lunas does, on top of the domain. Their dependencies are arguments."""
