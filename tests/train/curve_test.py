"""The picture of a run: a panel a group, whatever the log holds."""

from vtg_jax.train.curve import draw_curve


def test_each_group_has_a_panel_with_its_lines(tmp_path):
  lines = [
    {'step': 1, 'loss': 3.0, 'loss/a': 2.0, 'wrong/x': 0.5, 'wrong/y': 0.4},
    {'step': 2, 'loss': None, 'loss/a': 1.0, 'wrong/x': 0.0, 'wrong/y': 0.2},
    {'step': 3, 'loss': 1.0, 'loss/b': 1.5, 'learning_rate': 1e-3},
  ]
  path = tmp_path / 'curve.png'
  figure = draw_curve(lines, title='a run', path=path)
  assert path.read_bytes().startswith(b'\x89PNG')
  drawn = [
    {line.get_label(): [*map(list, line.get_data())] for line in axes.lines}
    for axes in figure.axes
  ]
  assert drawn == [
    {'loss': [[1, 3], [3.0, 1.0]]},  # null is left out
    {'a': [[1, 2], [2.0, 1.0]], 'b': [[3], [1.5]]},
    {'x': [[1, 2], [0.5, 0.0]], 'y': [[1, 2], [0.4, 0.2]]},
  ]
  # A logarithm has no place for zero.
  scales = [axes.get_yscale() for axes in figure.axes]
  assert scales == ['log', 'log', 'linear']


def test_an_empty_log_is_an_empty_picture(tmp_path):
  draw_curve([], path=tmp_path / 'curve.png')
  assert (tmp_path / 'curve.png').exists()
