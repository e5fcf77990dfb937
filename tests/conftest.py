"""Test-wide settings: CPU jax, quick compilation, checked shapes, told skips.

Everything here happens before jax or our own packages are imported.
"""

import gc
import importlib.metadata
import importlib.util
import os
import shutil

import hypothesis
import jaxtyping
import pytest

import tests.shape_checks  # noqa: F401  imported before the hook names it

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
# Eight pretended devices, for what is sharded over a mesh.
_FLAGS = ['--xla_force_host_platform_device_count=8']
# Most of the tests' time is compilation, of programs that run a few times. XLA
# is told to make the same operations into machine code with less effort, which
# takes a fifth of the time; results differ in the last bits. What users' own
# compilation makes of the goldens, verify_test.py sees, and make demo.
if os.environ['JAX_PLATFORMS'] == 'cpu':
  os.environ.setdefault('JAX_DISABLE_MOST_OPTIMIZATIONS', '1')
# A later XLA that no longer knew these flags would end every process.
if importlib.metadata.version('jaxlib').startswith('0.10.'):
  _FLAGS += [
    '--xla_cpu_use_fusion_emitters=false',
    # Devices that wait 40 s for one another end the process, which eight of
    # them on one or two busy cores can.
    '--xla_cpu_collective_call_terminate_timeout_seconds=600',
  ]
_given = os.environ.get('XLA_FLAGS', '').split()
_named = {flag.split('=')[0] for flag in _given}
os.environ['XLA_FLAGS'] = ' '.join(
  [*_given, *(flag for flag in _FLAGS if flag.split('=')[0] not in _named)]
)
# Figures are drawn without a screen, and no test may reach a model hub.
os.environ.setdefault('MPLBACKEND', 'Agg')
os.environ.setdefault('HF_HUB_OFFLINE', '1')

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile('tests', deadline=None)
hypothesis.settings.load_profile('tests')

# Every annotated shape in our packages is checked while the tests run.
jaxtyping.install_import_hook(
  ['vtg_jax', 'input_pipeline'], 'tests.shape_checks.checked'
)


def _installed(module: str) -> bool:
  return importlib.util.find_spec(module) is not None


def _jax_sees_a_gpu() -> bool:
  import jax

  return jax.default_backend() == 'gpu'


# marker -> (can it run here, why not otherwise). Asked only for markers that
# occur among the collected tests.
_REQUIREMENTS = {
  'torch': (lambda: _installed('torch'), 'torch is not installed: make check'),
  'features': (
    lambda: _installed('h5py') and _installed('lmdb'),
    'h5py or lmdb is not installed: make check',
  ),
  'captions': (
    lambda: _installed('pycocoevalcap'),
    'pycocoevalcap is not installed: pip install vtg-jax[captions]',
  ),
  'java': (lambda: shutil.which('java') is not None, 'no java on the PATH'),
  'gpu': (_jax_sees_a_gpu, 'jax sees no GPU: JAX_PLATFORMS=cuda on a GPU host'),
  'tpu_aot': (
    lambda: _installed('libtpu'),
    'libtpu is not installed: make check-tpu',
  ),
}


def pytest_collection_finish():
  """What is imported by now stays, and is not searched for garbage again."""
  gc.collect()
  gc.freeze()


def pytest_collection_modifyitems(config, items):
  """Skips what cannot run here; `-ra` then prints each reason."""
  reasons = {}
  if 'real' not in config.option.markexpr:
    reasons['real'] = 'reads fetched weights: make check-real'
  for name, (available, reason) in _REQUIREMENTS.items():
    if any(item.get_closest_marker(name) for item in items):
      reasons[name] = None if available() else reason
  for item in items:
    for name, reason in reasons.items():
      if reason and item.get_closest_marker(name):
        item.add_marker(pytest.mark.skip(reason=reason))
        break
