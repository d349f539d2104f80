"""`esn-pulse worker`: run the pipeline until it is told to stop."""

import asyncio
import gc
import logging
import os
import sys

import click
import faust
import uvloop

from agents import logs
from agents.errors import Failed
from agents.kafka.security import knock
from agents.settings import Settings, pass_settings
from agents.web.server import Web
from agents.worker.app import Pulse

log = logging.getLogger(__name__)


@click.command("worker")
@pass_settings
def command(settings: Settings) -> None:
    """Run the worker: read events from Kafka, write rows to ClickHouse, show metrics.

    Start as many as you like, on any machines: they share the source partitions. All of it is set by ESN_* variables
    (see the README). Ctrl-C or SIGTERM ends it in order.

    \b
    Example, with the embedded stack:
      eval "$(esn-pulse local up)"
      esn-pulse topics && esn-pulse migrate
      esn-pulse worker
    """
    logs.begin(settings)
    knock(settings)  # Faust would say of a wrong login that it cannot bootstrap, in many lines
    # nothing that is done per event makes a cycle, and looking for some is a tenth of the worker's time; ten times more
    # rarely would spare 3 % of it, and hold up the event loop for 0.3 s instead of 0.15 (with a million people)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.001)  # the event loop gets the interpreter back soon
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    pulse = Pulse(settings)
    web = Web(pulse, port_given=bool(os.environ.get("ESN_WEB_PORT")))
    worker = faust.Worker(pulse.app, web, loop=loop, redirect_stdouts=False, override_logging=False, quiet=True)
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        failure = pulse.batches.failure or web.failure
        if isinstance(failure, Failed):
            raise failure from None
        if failure is not None:
            log.critical("a bug ended the worker", exc_info=failure)  # not raised: its message may quote an event
        sys.exit(1 if failure else ended.code)
