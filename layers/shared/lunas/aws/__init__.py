"""Adapters of AWS's services: clients, queues, secrets, encryption and settings."""
