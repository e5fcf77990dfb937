"""`vtg plan`: what it prints, and what it refuses."""

import json

import jax
import pytest

from vtg_jax import cli
from vtg_jax.commands.plan import text_of
from vtg_jax.planning.collectives import Collectives, Traffic
from vtg_jax.planning.flops import Flops
from vtg_jax.planning.plan import Memory, ProgramPlan
from vtg_jax.planning.topology import Topology, parse_topology

SMALL = (
  'hawkeye/charades_sta:quicktest',
  'start.model.encoder.n_layers=1',
  'start.model.qformer.n_layers=1',
  'start.model.llm.n_layers=1',
)


@pytest.fixture
def eight_chips(monkeypatch):
  """This machine's eight pretended devices in the place of a slice."""
  monkeypatch.setattr(Topology, 'devices', lambda self: jax.devices())
  monkeypatch.setattr(Topology, 'n_chips', 8)
  platform = jax.config.jax_platforms
  yield
  jax.config.update('jax_platforms', platform)


def refusal(capsys, *arguments):
  assert cli.main(['plan', *arguments]) == 2
  out, err = capsys.readouterr()
  assert not out and err.count('\n') == 1
  return err


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    ((), "'CONFIG'"),
    (('hawkeye/none',), "'hawkeye/none'"),
    ((*SMALL, '--topology', 'v5e'), 'v5e:4x4'),
    pytest.param(
      (*SMALL, '--only', 'nothing'),
      'training, search',
      marks=pytest.mark.tpu_aot,
    ),
    ((*SMALL, 'optimiser.paek=1'), 'optimiser.peak'),
  ],
)
def test_bad_input_is_one_sentence_and_exit_2(capsys, arguments, said):
  assert said in refusal(capsys, *arguments)


@pytest.mark.parametrize(
  ('override', 'said'),
  [
    ('batch_size=12', 'use a multiple of 8'),
    ('mesh.fsdp=3', 'the product is 8'),
    ('optimiser.peak=-1.0', 'optimiser.peak'),
  ],
)
def test_what_could_not_train_cannot_be_planned(
  capsys, eight_chips, override, said
):
  assert said in refusal(capsys, *SMALL, override)


def test_a_task_without_a_search_is_not_planned(capsys, eight_chips):
  assert "'cells'" in refusal(capsys, 'hawkeye/small_cells:quicktest')


MEMORY = Memory(
  arguments=2 * 10**9,
  outputs=10**9,
  aliased=10**9,
  temporaries=3 * 10**9,
  code=10**8,
)


def planned(**changes):
  fields = dict(
    name='training step, 128 samples',
    memory=MEMORY,
    refusal='',
    flops=Flops(matmul=3 * 10**15, other=10**12),
    useful_flops=2 * 10**15,
    collectives=Collectives(
      by_kind={
        'all-gather': Traffic(
          count=7, n_bytes=2 * 10**9, sent_bytes=1875 * 10**6
        )
      },
      unknown_loops=0,
    ),
    compile_s=61.2,
    topology=parse_topology('v5e:4x4'),
  )
  return ProgramPlan(**{**fields, **changes})


def test_a_plan_tells_every_kind_of_bytes_work_and_traffic():
  text = text_of(planned())
  assert text.startswith('training step, 128 samples: fits v5e:4x4, 16 chips')
  for said in (
    '5.10 of 16.0 GB',
    'arguments 2.000 + outputs 1.000 - aliased 1.000 + temporaries 3.000 + '
    'code 0.100',
    '3,000.0 TFLOP, of which 2,000.0 useful',
    '7 times, 2.000 GB, of which a chip sends 1.875 GB',
    '61 s',
  ):
    assert said in text


def test_a_plan_that_does_not_fit_says_so():
  tight = planned(topology=parse_topology('v5e:4x4'), memory=None)
  refused = planned(
    memory=None, collectives=None, refusal='Used 20.5G of 15.7G hbm'
  )
  assert 'does not fit' in text_of(refused) and '20.5G' in text_of(refused)
  assert not tight.fits


def test_loops_nobody_knows_are_told():
  plan = planned(
    flops=Flops(matmul=1, unknown_loops=2),
    collectives=Collectives(by_kind={}, unknown_loops=3),
  )
  text = text_of(plan)
  assert '2 loops counted once' in text
  assert '3 loops with collectives counted once' in text


@pytest.mark.tpu_aot
def test_a_small_config_is_planned_for_a_slice_that_is_not_there(capsys):
  """The training step and the search, through the command, without a TPU."""
  assert cli.main(['plan', *SMALL, '--topology', 'v5e:2x2', '--json']) == 0
  document = json.loads(capsys.readouterr().out)
  assert document['n_chips'] == 4
  training, search = document['programs']
  assert training['name'] == 'training step, 32 samples'
  for program in (training, search):
    sizes = program['bytes']
    assert program['fits'] and program['needed_bytes'] == (
      sizes['arguments']
      + sizes['outputs']
      - sizes['aliased']
      + sizes['temporaries']
      + sizes['code']
    )
    assert program['unknown_loops'] == {'flops': 0, 'collectives': 0}
    assert program['collectives']
  assert training['bytes']['aliased'] > 0
  assert training['matmul_flops'] > training['useful_flops'] > 0
