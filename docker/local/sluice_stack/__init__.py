"""The services that sluice works with, as plain processes on loopback.

    from sluice_stack import Stack
    stack = Stack(state="/tmp/one")
    stack.up()
    stack.create_connector("shop", stack.connect.debezium("shop", "shop", "public.customers"))
    stack.service("kafka").kill()
    stack.service("kafka").start()
    stack.down(purge=True)
"""

from .errors import StackError
from .stack import NAMES, Stack

__all__ = ["NAMES", "Stack", "StackError"]
