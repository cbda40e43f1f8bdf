"""The HTTP API: routing, authentication, bodies, views and errors; and what streams publish."""
