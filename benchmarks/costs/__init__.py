"""Computes the cost of a month on AWS from the usage of each operation and its price."""
