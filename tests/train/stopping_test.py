import os
import signal
import threading

import pytest

from vtg_jax.sharding import make_mesh
from vtg_jax.train.stopping import SharedStop, StopRequest


def send(name):
  os.kill(os.getpid(), getattr(signal, name))


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGINT'])
def test_the_first_signal_is_noted(name):
  before = signal.getsignal(getattr(signal, name))
  with StopRequest() as stop:
    assert stop.signal is None
    send(name)
    assert stop.signal == name
  assert signal.getsignal(getattr(signal, name)) is before


def test_the_second_interrupt_stops_at_once():
  with StopRequest() as stop, pytest.raises(KeyboardInterrupt):
    send('SIGINT')
    send('SIGINT')
  assert stop.signal == 'SIGINT'


def test_a_second_sigterm_changes_nothing():
  with StopRequest() as stop:
    send('SIGINT')
    send('SIGTERM')
  assert stop.signal == 'SIGINT'


def test_another_thread_takes_no_signals():
  before = signal.getsignal(signal.SIGTERM)
  seen = []

  def inside():
    with StopRequest():
      seen.append(signal.getsignal(signal.SIGTERM))

  thread = threading.Thread(target=inside)
  thread.start()
  thread.join()
  assert seen == [before]


def test_what_one_process_was_asked_is_known_after_the_next_step():
  stop = SharedStop(make_mesh(data=4, fsdp=2, tensor=1))
  names = [None, 'SIGINT', 'SIGTERM', None, None]
  assert [stop.heard(name) for name in names] == [None, *names[:-1]]
