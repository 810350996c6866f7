"""The supervisor: the one process an operator starts, stops and asks to read its configuration again."""

from __future__ import annotations

import logging
import signal
import time

from auto_voice.config import Settings
from auto_voice.database import open_database
from auto_voice.database.schema import prepare
from auto_voice.errors import AutoVoiceError
from auto_voice.monitoring.logs import configure_logging
from auto_voice.monitoring.metrics import share_metrics
from auto_voice.supervisor.address import check_address
from auto_voice.supervisor.child import Child
from auto_voice.supervisor.chores import Chores
from auto_voice.supervisor.configuration import Configuration
from auto_voice.supervisor.plan import Plan, web_plan, worker_plans
from auto_voice.supervisor.signals import SignalInbox

_CLOSING_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Supervisor:
    """Keeps a service's processes running until SIGTERM or SIGINT.

    SIGHUP reads the configuration again: a valid one is taken up by the web processes, and by each worker after the
    job it has; with an invalid one all goes on as before.

    Args:
        configuration: of the service.
        web: run the web server.
        workers: how many workers; as the settings say when not given.
    """

    def __init__(self, configuration: Configuration, *, web: bool = True, workers: int | None = None) -> None:
        self._configuration = configuration
        self._web = web
        self._workers = workers
        self._settings = configuration.load()
        self._children: dict[str, Child] = {}

    @property
    def settings(self) -> Settings:
        """In force."""
        return self._settings

    def check(self) -> None:
        """See that the service can be started: the address is free, the database sound and of this version.

        Raises:
            ServiceUnavailableError: the address is taken.
            StorageError: the database cannot be used.
        """
        if self._web:
            check_address(self._settings.server.host, self._settings.server.port)
        database = open_database(self._settings)
        prepare(database)
        database.dispose()

    def run(self) -> None:
        """Start everything, and return when everything has ended after SIGTERM or SIGINT; once in a process."""
        share_metrics(self._settings)
        with SignalInbox(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD) as signals:
            self._chores = self._started_chores()
            self._arrange()
            while True:
                self._look_after()
                came = signals.read(self._seconds_to_start())
                if signal.SIGTERM in came or signal.SIGINT in came:
                    break
                if signal.SIGHUP in came:
                    self._reload()
            self._stop(signals)

    def _started_chores(self) -> Chores:
        chores = Chores(self._settings)
        chores.start()
        return chores

    def _arrange(self) -> None:
        """Have the children that the settings ask for; those no longer asked for end after their job."""
        environment = self._configuration.environment
        plans: list[Plan] = worker_plans(self._settings, environment, self._workers)
        if self._web:
            plans.append(web_plan(environment))
        for child in self._children.values():
            child.wanted = False
        for plan in plans:
            child = self._children.setdefault(plan.name, Child(plan))
            child.plan, child.wanted = plan, True

    def _look_after(self) -> None:
        """Notice who has ended, and start who is due."""
        for name, child in list(self._children.items()):
            if child.ended():
                self._take_back(child)
            if child.seconds_to_start() == 0.0:
                child.start()
            if not child.wanted and not child.running:
                del self._children[name]

    def _seconds_to_start(self) -> float | None:
        waits = [wait for child in self._children.values() if (wait := child.seconds_to_start()) is not None]
        return min(waits, default=None)

    def _take_back(self, child: Child) -> None:
        if child.worker_id is not None:
            self._chores.lost(child.worker_id)

    def _reload(self) -> None:
        try:
            settings = self._configuration.load()
            configure_logging(settings, "supervisor")
        except AutoVoiceError as error:
            _log.error("the configuration is not valid; the one in force stays:\n%s", error.message)
            return
        self._settings = settings
        _log.info("the configuration was read again")
        self._chores.close(_CLOSING_SECONDS)
        self._chores = self._started_chores()
        self._arrange()
        for child in self._children.values():
            child.send(signal.SIGHUP)

    def _stop(self, signals: SignalInbox) -> None:
        _log.info("stopping: stages that run have %d s to end", self._settings.server.shutdown_timeout)
        deadline = time.monotonic() + self._settings.server.shutdown_timeout
        for child in self._children.values():
            child.wanted = False
            child.send(signal.SIGTERM)
        self._look_after()
        while self._children and (left := deadline - time.monotonic()) > 0:
            signals.read(left)
            self._look_after()
        for child in self._children.values():
            _log.warning("%s did not stop in time", child.plan.name)
            child.kill()
        self._look_after()
        self._chores.close(_CLOSING_SECONDS)
