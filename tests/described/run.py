"""Compares the gateway of a running cluster with the description that it serves.

Starts a cluster, gives it a process with a log, has schemathesis ask all that the description says
can be asked, and stops the cluster. Fails if anything is not as described.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).parent
# Receipts state the root of every 256th slot.
CALLS = 256


def main(antiphon: str, module: str) -> int:
    with tempfile.TemporaryDirectory() as data:
        options = ["--dev-key", "default", "--gateway-rate", "1000000"]
        up = subprocess.Popen(
            [antiphon, "up", "--data", data, "--json", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            line = up.stdout.readline()
            ready = json.loads(line) if line else sys.exit("the cluster does not start")
            code = compare(antiphon, data, module, ready)
        finally:
            up.send_signal(signal.SIGTERM)
            stopped = up.wait(timeout=60)
        if stopped != 0:
            sys.exit(f"the cluster ended with {stopped}")
        return code


def compare(antiphon: str, data: str, module: str, ready: dict) -> int:
    spawn = [antiphon, "--data", data, "--json", "spawn", module, "--args", '{"start":0}']
    spawned = json.loads(subprocess.run(spawn, check=True, stdout=subprocess.PIPE).stdout)
    api, process = f"{ready['gateway']}/api/v1", spawned["process"]
    for _ in range(CALLS):
        call = {"method": "add", "args": {"by": 1}}
        last = ask(f"{api}/process/{process}/calls", call)
    message = ask(f"{api}/message/{last['message']}")
    known = {
        "DESCRIBED_PROC": process,
        "DESCRIBED_MSG": message["message"],
        "DESCRIBED_UNIT": ready["units"][0]["unit"],
        "DESCRIBED_SIGNED": message["signed"],
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
    }
    run = [
        pathlib.Path(sys.executable).with_name("st"),
        "--config-file",
        HERE / "schemathesis.toml",
        "run",
        f"{api}/openapi.json",
        "--checks",
        "all",
    ]
    return subprocess.run(run, env={**os.environ, **known, "PYTHONPATH": str(HERE)}).returncode


def ask(address: str, body: dict | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
