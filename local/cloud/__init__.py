"""Runs ``template.yaml`` on loopback: an emulator of AWS, the simulators, and what joins them."""

from local.cloud.errors import LocalCloudError
from local.cloud.lifecycle import down, is_up, running_stack, up
from local.cloud.options import Options
from local.cloud.stack import Stack

__all__ = ["LocalCloudError", "Options", "Stack", "down", "is_up", "running_stack", "up"]
