"""The embedded stack: broker, API and one worker, started in this order and watched."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from stack.errors import StackError
from stack.home import HomeHolder, hold_home
from stack.ports import next_free_port
from stack.service import why_not_ready
from stack.settings import StackSettings, child_environment
from stack.signals import signals_ignored
from stack.supervisor import Child, Program, Supervisor, describe_exit, log_tail
from stack.valkey import EmbeddedBroker, prepare_broker

READY_TIMEOUT_S = 90.0
POLL_S = 0.1
API_GRACE_S = 10.0
WORKER_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack; call `tick` often, since it looks after the processes.

    Attributes:
        server: Address of API and dashboard on this machine, without a slash at its end.
        tick: Starts again what died.
        ports: Those that other machines need, where they are let in: the API's, then the embedded broker's.
    """

    server: str
    tick: Callable[[], None]
    ports: tuple[int, ...] = ()


@contextmanager
def running_stack(settings: StackSettings, env: Mapping[str, str], say: Callable[[str], None]) -> Iterator[Stack]:
    """Run the stack for the length of a `with` block; no process outlives it.

    Args:
        settings: Where and what.
        env: Environment that the processes inherit.
        say: Told one line for people whenever something happened.

    Raises:
        StackError: `home_in_use`, `no_port`, `no_broker`, or `not_ready` with the end of the log that tells why.
    """
    with hold_home(settings.home) as holder:
        supervisor = Supervisor(say)
        try:
            stack = _start(settings, env, supervisor)
            holder.announce(stack.server)
            yield stack
        finally:
            _stop(supervisor, holder)


def _start(settings: StackSettings, env: Mapping[str, str], supervisor: Supervisor) -> Stack:
    broker = None if settings.broker_url else _start_broker(settings, env, supervisor)
    port = next_free_port(settings.port)
    if port != settings.port:
        supervisor.say(f"port {settings.port} is taken: using {port}")
    server = f"http://{settings.local}:{port}"
    broker_url = settings.broker_url if broker is None else broker.url
    environment = child_environment(env, settings, port, broker_url)
    shared = shared_environment(env, settings, broker) if settings.name else {}
    api = supervisor.start(_module(settings, environment | shared, "api", (), API_GRACE_S))
    _wait(api, lambda: why_not_ready(server))
    arguments = ("--server", server, "--queues", settings.queues, "--slots", str(settings.n_slots))
    own = {"TUNEWELL_TOKEN": shared["TUNEWELL_WORKER_TOKEN"]} if shared else {}
    supervisor.start(_module(settings, environment | own, "worker", arguments, WORKER_GRACE_S))
    ports = (port,) if broker is None else (port, broker.port)
    return Stack(server=server, tick=supervisor.tick, ports=ports if settings.name else ())


def shared_environment(
    env: Mapping[str, str], settings: StackSettings, broker: EmbeddedBroker | None
) -> dict[str, str]:
    """Return what lets other machines in by `settings.name`, and nobody without a token; made for the API.

    Args:
        env: What the user set, which comes first or is added to.
        settings: Of the stack.
        broker: The embedded one; None where the user has another.

    Returns:
        Variables; the worker token among them is the user's, or one for the stack's own worker that is kept nowhere.
    """
    names = [env.get("TUNEWELL_ALLOWED_HOSTS", ""), settings.name, settings.local]
    told = env.get("TUNEWELL_WORKER_BROKER_URL") or ("" if broker is None else broker.url_for(settings.name))
    return {
        "TUNEWELL_ALLOWED_HOSTS": ",".join(name for name in names if name),
        "TUNEWELL_REQUIRE_TOKENS": "yes",
        "TUNEWELL_WORKER_BROKER_URL": told,
        "TUNEWELL_WORKER_TOKEN": env.get("TUNEWELL_WORKER_TOKEN") or f"tw_{secrets.token_urlsafe(32)}",
    }


def _start_broker(settings: StackSettings, env: Mapping[str, str], supervisor: Supervisor) -> EmbeddedBroker:
    broker = prepare_broker(settings.home, settings.listen)
    child = supervisor.start(broker.program(env, settings.logs / "broker.log"))
    _wait(child, lambda: None if broker.answers() else "no answer")
    return broker


def _module(
    settings: StackSettings, env: Mapping[str, str], name: str, arguments: tuple[str, ...], grace_s: float
) -> Program:
    command = (sys.executable, "-m", name, *arguments)
    log = settings.logs / f"{name}.log"
    return Program(name=name, command=command, env=env, cwd=settings.root, log=log, grace_s=grace_s)


def _wait(child: Child, why_not: Callable[[], str | None]) -> None:
    program = child.program
    deadline = time.monotonic() + READY_TIMEOUT_S
    while (reason := why_not()) is not None:
        if not child.is_running:
            reason = describe_exit(child.popen.returncode)
        elif time.monotonic() < deadline:
            time.sleep(POLL_S)
            continue
        raise StackError(
            "not_ready", f"{program.name} is not ready: {reason}. End of {program.log}:\n{log_tail(program.log)}"
        )


def _stop(supervisor: Supervisor, holder: HomeHolder) -> None:
    with signals_ignored():
        holder.announce(None)
        supervisor.stop()
