"""`python -m auto_voice.worker`: one worker process, as the supervisor starts it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import uuid
from functools import partial

from auto_voice.config import Settings, configured_settings
from auto_voice.database import open_database
from auto_voice.errors import AutoVoiceError
from auto_voice.jobs.queue import HueyQueue
from auto_voice.jobs.store import JobStore
from auto_voice.jobs.workers import WorkerRegistry
from auto_voice.monitoring.logs import configure_logging
from auto_voice.monitoring.metrics import share_metrics
from auto_voice.supervisor.parent import follow_parent
from auto_voice.supervisor.signals import SignalInbox

_NICENESS = 5
"""The web processes answer first."""

_log = logging.getLogger("auto_voice.worker")


def main() -> None:
    """Work until told to stop."""
    follow_parent()
    parser = argparse.ArgumentParser(prog="python -m auto_voice.worker", description="One worker of the service.")
    parser.add_argument("--id", default=f"worker-{uuid.uuid4().hex[:12]}", help="its name in the table of workers")
    worker_id: str = parser.parse_args().id
    os.nice(_NICENESS)
    with SignalInbox(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        try:
            settings = configured_settings()
            configure_logging(settings, "worker")
            share_metrics(settings)
            _work(worker_id, settings, signals)
        except AutoVoiceError as error:
            _log.critical("the worker cannot work: %s %s", error.message, " ".join(error.suggestions))
            sys.exit(error.exit_code)


def _work(worker_id: str, settings: Settings, signals: SignalInbox) -> None:
    database = open_database(settings)
    workers = WorkerRegistry(database)
    workers.hello(worker_id)

    # PyTorch takes seconds to import; by now the worker is known to be starting.
    from auto_voice.worker.context import make_context
    from auto_voice.worker.details import Details
    from auto_voice.worker.executors import EXECUTORS
    from auto_voice.worker.prewarm import prewarm
    from auto_voice.worker.run import Worker

    context = make_context(settings)
    if settings.cache.prewarm_models:
        prewarm(context)
    queue = HueyQueue(settings)
    worker = Worker(
        worker_id,
        settings,
        store=JobStore(settings, database, queue),
        queue=queue,
        workers=workers,
        executors={kind: partial(make, context) for kind, make in EXECUTORS.items()},
        details=Details(context),
    )
    worker.run(signals)
    context.runtime.close()
    database.dispose()


if __name__ == "__main__":
    main()
