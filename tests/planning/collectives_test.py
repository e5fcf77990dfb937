import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from vtg_jax.planning.collectives import Traffic, count_collectives

FLOAT_BYTES = 4


@pytest.fixture(scope='module')
def mesh():
  return jax.make_mesh(
    (4, 2), ('data', 'tensor'), axis_types=(AxisType.Auto,) * 2
  )


def compiled_text(mesh, local, *shapes, in_specs, out_specs=None):
  """The compiled text of a function of one shard of each array."""
  sharded = jax.shard_map(
    local,
    mesh=mesh,
    in_specs=in_specs,
    out_specs=in_specs[0] if out_specs is None else out_specs,
    check_vma=False,
  )
  args = [jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes]
  return jax.jit(sharded).lower(*args).compile().as_text()


def count(*args, **kwargs):
  text = compiled_text(*args, **kwargs)
  return count_collectives(text, n_devices=8)


def test_a_sum_inside_a_scan_of_seven_counts_seven_times(mesh):
  def local(x):
    def turn(x, _):
      return jax.lax.psum(x, 'data') * 0.1, None

    return jax.lax.scan(turn, x, None, length=7)[0]

  found = count(mesh, local, (32, 16), in_specs=(P('data'),))
  size = 8 * 16 * FLOAT_BYTES  # of one shard
  assert found.by_kind == {
    'all-reduce': Traffic(
      count=7, n_bytes=7 * size, sent_bytes=7 * 2 * size * 3 // 4
    )
  }
  assert found.unknown_loops == 0


def test_scans_within_scans_multiply(mesh):
  def local(x):
    def inner(x, _):
      return jax.lax.psum(x, 'tensor') * 0.1, None

    def outer(x, _):
      x = jax.lax.scan(inner, x, None, length=3)[0]
      return jnp.sin(x), None

    return jax.lax.scan(outer, x, None, length=5)[0]

  found = count(mesh, local, (8, 4), in_specs=(P(),))
  assert found.by_kind['all-reduce'].count == 15


def test_an_all_gather_is_as_large_as_what_it_makes(mesh):
  def local(x):
    return jax.lax.all_gather(x, 'data', tiled=True)

  found = count(mesh, local, (32, 16), in_specs=(P('data'),), out_specs=P())
  whole = 32 * 16 * FLOAT_BYTES
  assert found.by_kind == {
    'all-gather': Traffic(count=1, n_bytes=whole, sent_bytes=whole * 3 // 4)
  }


def test_a_reduce_scatter_is_as_large_as_what_it_takes(mesh):
  def local(x):
    return jax.lax.psum_scatter(x, 'tensor', tiled=True)

  found = count(
    mesh, local, (32, 16), in_specs=(P(),), out_specs=P('tensor')
  )  # fmt: skip
  whole = 32 * 16 * FLOAT_BYTES
  assert found.by_kind == {
    'reduce-scatter': Traffic(count=1, n_bytes=whole, sent_bytes=whole // 2)
  }


def test_a_permute_sends_its_array(mesh):
  def local(x):
    return jax.lax.ppermute(x, 'data', [(i, (i + 1) % 4) for i in range(4)])

  found = count(mesh, local, (32, 16), in_specs=(P('data'),))
  size = 8 * 16 * FLOAT_BYTES
  assert found.by_kind == {
    'collective-permute': Traffic(count=1, n_bytes=size, sent_bytes=size)
  }


def test_an_all_to_all_keeps_one_piece_in_four(mesh):
  def local(x):
    return jax.lax.all_to_all(x, 'data', 0, 1, tiled=True)

  found = count(mesh, local, (32, 16), in_specs=(P('data'),))
  size = 8 * 16 * FLOAT_BYTES
  assert found.by_kind == {
    'all-to-all': Traffic(count=1, n_bytes=size, sent_bytes=size * 3 // 4)
  }


def test_the_partitioners_collectives_are_found(mesh):
  """Without shard_map: a product over a sharded axis ends in a sum."""
  sharding = jax.sharding.NamedSharding
  x = jax.ShapeDtypeStruct(
    (16, 32), jnp.float32, sharding=sharding(mesh, P(None, 'data'))
  )
  w = jax.ShapeDtypeStruct(
    (32, 8), jnp.float32, sharding=sharding(mesh, P('data'))
  )
  product = jax.jit(jnp.matmul, out_shardings=sharding(mesh, P()))
  text = product.lower(x, w).compile().as_text()
  found = count_collectives(text, n_devices=8).by_kind
  assert found['all-reduce'].n_bytes == 16 * 8 * FLOAT_BYTES


def test_a_loop_of_unknown_turns_counts_once_and_is_named(mesh):
  def local(x):
    def turn(_, x):
      return jax.lax.psum(x, 'data') * 0.1

    return jax.lax.fori_loop(0, x[0, 0].astype(jnp.int32), turn, x)

  text = compiled_text(mesh, local, (8, 4), in_specs=(P(),))
  found = count_collectives(text, n_devices=8)
  assert found.by_kind['all-reduce'].count == 1
  assert found.unknown_loops == 1
  told = count_collectives(text, n_devices=8, while_turns=[9])
  assert told.by_kind['all-reduce'].count == 9
  assert told.unknown_loops == 0


# What a TPU writes: no trip count, limits among what the loop carries, groups
# by mesh axis, and one collective spread over four fusions.
TPU_TEXT = """HloModule jit_f, is_scheduled=true

%sum (a.1: f32[], b.1: f32[]) -> f32[] {
  %a.1 = f32[] parameter(0)
  %b.1 = f32[] parameter(1)
  ROOT %s = f32[] add(%a.1, %b.1)
}

%start_fusion (p.1: bf16[16,8]) -> bf16[64,8] {
  %p.1 = bf16[16,8]{1,0} parameter(0)
  %ag.1 = bf16[64,8]{1,0:T(8,128)(2,1)S(1)} all-gather(%p.1), channel_id=8, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, dimensions={0}, \
frontend_attributes={chain_id="0"}
  ROOT %c.1 = bf16[64,8]{1,0} custom-call(%ag.1), \
custom_call_target="AsyncCollectiveStart"
}

%done_fusion (p.2: bf16[16,8]) -> bf16[64,8] {
  %p.2 = bf16[16,8]{1,0} parameter(0)
  %ag.2 = bf16[64,8]{1,0} all-gather(%p.2), channel_id=8, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, dimensions={0}, \
frontend_attributes={chain_id="0"}
  ROOT %c.2 = bf16[64,8]{1,0} custom-call(%p.2, %ag.2), \
custom_call_target="AsyncCollectiveDone"
}

%middle_fusion (p.4: bf16[16,8]) -> bf16[64,8] {
  %p.4 = bf16[16,8]{1,0} parameter(0)
  ROOT %ag.4 = bf16[64,8]{1,0} all-gather(%p.4), channel_id=8, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0'}, dimensions={0}, \
frontend_attributes={chain_id="0"}
}

%step_fusion (p.3: s32[]) -> s32[] {
  %p.3 = s32[] parameter(0)
  %two = s32[] constant(2)
  ROOT %n.3 = s32[]{:T(128)} add(%p.3, %two)
}

%body (carried: (s32[], bf16[16,8], s32[])) -> (s32[], bf16[16,8], s32[]) {
  %carried = (s32[]{:T(128)}, bf16[16,8]{1,0}, s32[]) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%carried), index=0
  %x = bf16[16,8]{1,0} get-tuple-element(%carried), index=1
  %limit = s32[] get-tuple-element(%carried), index=2
  %start = bf16[64,8]{1,0} fusion(%x), kind=kCustom, calls=%start_fusion
  %done = bf16[64,8]{1,0} fusion(%x), kind=kCustom, calls=%done_fusion
  %some = bf16[64,8]{1,0} fusion(%x), kind=kCustom, calls=%middle_fusion
  %next = s32[] fusion(%i), kind=kLoop, calls=%step_fusion
  ROOT %out = (s32[], bf16[16,8]{1,0}, s32[]) tuple(%next, %x, %limit)
}

%test (carried.1: (s32[], bf16[16,8], s32[])) -> pred[] {
  %carried.1 = (s32[], bf16[16,8]{1,0}, s32[]) parameter(0)
  %i.1 = s32[]{:T(128)} get-tuple-element(%carried.1), index=0
  %limit.1 = s32[] get-tuple-element(%carried.1), index=2
  ROOT %less = pred[]{:T(512)} compare(%i.1, %limit.1), direction=LT
}

ENTRY %main (x.1: bf16[16,8], y.1: f32[]) -> (bf16[16,8], f32[]) {
  %x.1 = bf16[16,8]{1,0} parameter(0)
  %y.1 = f32[] parameter(1)
  %one = s32[] constant(1)
  %first = s32[] copy(%one)
  %ten = s32[]{:T(128)} constant(10)
  %all = (s32[], bf16[16,8]{1,0}, /*index=2*/s32[]) tuple(%first, %x.1, %ten)
  %loop = (s32[], bf16[16,8]{1,0}, s32[]) while(%all), condition=%test, \
body=%body, metadata={op_name="jit(f)/while" stack_frame_id=5}
  %last = bf16[16,8]{1,0} get-tuple-element(%loop), index=1
  %total = f32[] all-reduce(%y.1), channel_id=9, \
replica_groups=mesh['axis_0'=4,'axis_1'=2] {'axis_0','axis_1'}, to_apply=%sum
  ROOT %result = (bf16[16,8]{1,0}, f32[]) tuple(%last, %total)
}
"""


def test_a_tpus_text_is_read_as_a_cpus():
  found = count_collectives(TPU_TEXT, n_devices=8)
  turns, size = 5, 64 * 8 * 2  # 1, 3, 5, 7, 9
  assert found.by_kind == {
    'all-gather': Traffic(
      count=turns, n_bytes=turns * size, sent_bytes=turns * size * 3 // 4
    ),
    'all-reduce': Traffic(count=1, n_bytes=4, sent_bytes=2 * 4 * 7 // 8),
  }
  assert found.unknown_loops == 0


@pytest.mark.parametrize(
  ('old', 'new'),
  [
    ('direction=LT', 'direction=GT'),
    ('%two = s32[] constant(2)', '%two = s32[] constant(-2)'),
    ('s32[] copy(%one)', 's32[] custom-call(), custom_call_target="x"'),
    ('tuple(%next, %x, %limit)', 'tuple(%next, %x, %next)'),
  ],
)
def test_a_loop_that_does_not_count_up_to_a_constant_is_unknown(old, new):
  assert old in TPU_TEXT
  found = count_collectives(TPU_TEXT.replace(old, new), n_devices=8)
  assert found.unknown_loops == 1
  assert found.by_kind['all-gather'].count == 1


@pytest.mark.parametrize(
  ('groups', 'size'),
  [
    ('{{0,1},{2,3},{4,5},{6,7}}', 2),
    ('[2,4]<=[8]', 4),
    ('[2,4]<=[4,2]T(1,0)', 4),
    ('{}', 8),
    ("mesh['a'=2,'b'=4] {'b'}", 4),
    ("mesh['a'=2,'b'=4] {'b':(2)2}", 2),
  ],
)
def test_groups_are_read_in_every_spelling(groups, size):
  text = (
    'ENTRY %main (x: f32[8]) -> f32[8] {\n'
    '  %x = f32[8]{0} parameter(0)\n'
    f'  ROOT %y = f32[8] all-reduce(%x), replica_groups={groups}, '
    'to_apply=%sum\n}\n'
  )
  (traffic,) = count_collectives(text, n_devices=8).by_kind.values()
  assert traffic.sent_bytes == 2 * 32 * (size - 1) // size


def test_an_asynchronous_gather_counts_what_comes_out():
  text = (
    'ENTRY %main (x: f32[8]) -> f32[32] {\n'
    '  %x = f32[8]{0} parameter(0)\n'
    '  %s = (f32[8]{0}, f32[32]{0}) all-gather-start(%x), '
    'replica_groups={{0,1,2,3}}, dimensions={0}\n'
    '  ROOT %y = f32[32]{0} all-gather-done(%s)\n}\n'
  )
  found = count_collectives(text, n_devices=4).by_kind
  assert found == {
    'all-gather': Traffic(count=1, n_bytes=128, sent_bytes=96)
  }  # fmt: skip


def test_text_of_no_program_is_an_error():
  with pytest.raises(ValueError, match='ENTRY'):
    count_collectives('', n_devices=1)
