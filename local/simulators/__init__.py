"""Stand-ins for the services that Lunas calls, faithful enough to develop and test against."""
