import jax
import jax.numpy as jnp
import pytest

from vtg_jax.planning.hlo import array_bytes, parse

LINE = (
  'ENTRY %main.5 (a.1: f32[4,8], b.1: (f32[8], s32[])) -> f32[4] {\n'
  '  %a.1 = f32[4,8]{1,0:T(8,128)S(1)} parameter(0), metadata={op_name="a"}\n'
  '  %b.1 = (f32[8]{0}, /*index=1*/s32[]) parameter(1)\n'
  '  ROOT %w.2 = f32[4]{0} while(%a.1, %b.1), condition=%c, body=%d.1\n'
  '}\n'
)


def test_an_instruction_is_cut_into_its_parts():
  program = parse(LINE)
  assert program.entry == 'main.5'
  root = program.root('main.5')
  assert (root.name, root.opcode, root.shape) == ('w.2', 'while', 'f32[4]{0}')
  assert root.operands == ('a.1', 'b.1')
  assert root.called == {'condition': ('c',), 'body': ('d.1',)}
  b = program.computations['main.5']['b.1']
  assert b.shape == '(f32[8]{0}, /*index=1*/s32[])' and b.argument == '1'


def test_branches_are_called_computations():
  text = LINE.replace('condition=%c, body=%d.1', 'branch_computations={%e, %f}')
  assert parse(text).root('main.5').called == {
    'branch_computations': ('e', 'f')
  }


@pytest.mark.parametrize(
  ('shape', 'sizes'),
  [
    ('f32[4,8]{1,0:T(8,128)}', [128]),
    ('(bf16[3]{0}, /*index=1*/pred[], u32[]{:S(2)})', [6, 1, 4]),
    ('s4[3]', [2]),
    ('f8e4m3fn[5]', [5]),
    ('f32[<=16]', [64]),
    ('token[]', [0]),
  ],
)
def test_sizes_of_arrays_leave_the_layout_out(shape, sizes):
  assert list(array_bytes(shape)) == sizes


def test_every_line_of_a_real_program_is_read():
  def f(x):
    def turn(x, _):
      return jax.lax.cond(x[0, 0] > 0, lambda x: x @ x, jnp.sin, x), None

    return jax.lax.scan(turn, x, None, length=3)[0]

  text = jax.jit(f).lower(jnp.ones((4, 4))).compile().as_text()
  program = parse(text)
  n_lines = sum(line.startswith('  ') for line in text.splitlines())
  n_read = sum(len(c) for c in program.computations.values())
  assert 0 < n_read <= n_lines
  called = {
    name
    for c in program.computations.values()
    for instruction in c.values()
    for names in instruction.called.values()
    for name in names
  }
  assert called == set(program.computations) - {program.entry}


@pytest.mark.parametrize(
  'text',
  ['', 'HloModule x\n', 'ENTRY %m (x: f32[]) -> f32[] {\n  %x = f32[] foo(\n}'],
)
def test_what_is_no_program_is_an_error(text):
  with pytest.raises(ValueError):
    parse(text)
