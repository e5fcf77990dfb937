import math

from vtg_jax.train.log import JsonLines, open_logs, read_json_lines


def test_a_line_a_step_and_none_is_left_over(tmp_path):
  log = JsonLines(tmp_path / 'new' / 'log.jsonl')
  log.write(10, {'loss': 2.5, 'norm': math.nan})
  log.write(20, {'loss': math.inf})
  log.close()
  assert read_json_lines(log.path) == [
    {'step': 10, 'loss': 2.5, 'norm': None},
    {'step': 20, 'loss': None},
  ]
  assert [p.name for p in log.path.parent.iterdir()] == ['log.jsonl']


def test_lines_after_the_restored_step_are_cut(tmp_path):
  path = tmp_path / 'log.jsonl'
  path.write_text(''.join(f'{{"step": {s}}}\n' for s in (10, 20, 30)))
  JsonLines(path, restored_step=20).close()
  assert [line['step'] for line in read_json_lines(path)] == [10, 20]


def test_a_line_torn_by_a_kill_is_cut(tmp_path):
  path = tmp_path / 'log.jsonl'
  path.write_text('{"step": 10}\n{"step": 2')
  log = JsonLines(path, restored_step=20)
  log.write(20, {'loss': 1.0})
  log.close()
  assert [line['step'] for line in read_json_lines(path)] == [10, 20]


def test_damaged_lines_are_left_out(tmp_path):
  path = tmp_path / 'log.jsonl'
  path.write_bytes(b'{"step": 10}\n\0\0\xff\n[3]\n{"loss": 1}\n')
  JsonLines(path, restored_step=20).close()
  assert path.read_text() == '{"step": 10}\n'


def test_a_new_run_starts_with_empty_logs(tmp_path):
  (tmp_path / 'log.jsonl').write_text('{"step": 1}\n')
  for log in open_logs(tmp_path, restored_step=0):
    log.write(1, {'loss': 2.0})
    log.close()
  assert read_json_lines(tmp_path / 'log.jsonl') == [{'step': 1, 'loss': 2.0}]
  assert len(list((tmp_path / 'tensorboard').iterdir())) == 1
