"""The local cloud: runs template.yaml on loopback, with simulators for Duitku and Thinkific."""
