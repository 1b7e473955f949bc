import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

NOISY = "import os; os.write(2, b'native noise\\n'); VALUE = 7\n"


def run(tmp_path, text, level=None):
    (tmp_path / "noisy.py").write_text(text)
    code = "from hidra_tf.quiet import quietly_import as q; print(q('noisy').VALUE)"
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )


def test_native_noise_is_swallowed(tmp_path):
    done = run(tmp_path, NOISY)
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_noise_comes_back_when_the_import_fails(tmp_path):
    done = run(tmp_path, NOISY + "raise RuntimeError('broken')\n")
    assert "native noise" in done.stderr
    assert "RuntimeError: broken" in done.stderr


def test_noise_comes_back_on_request(tmp_path):
    assert run(tmp_path, NOISY, level="0").stderr == "native noise\n"
