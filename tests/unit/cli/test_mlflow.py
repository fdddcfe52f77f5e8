"""`r1v3 ui` prints its links once they can be opened."""

import urllib.error
from pathlib import Path

import pytest

from r1v3.analyze.mlflow import links
from r1v3.cli import mlflow
from r1v3.cli.app import main

ROOT = Path(__file__).parents[3]


class Server:
    """Replaces MLflow's server: it refuses two requests, and then answers, or ends."""

    def __init__(self, monkeypatch, ends: bool):
        self.refused, self.ends = 0, ends
        monkeypatch.setattr(mlflow.subprocess, "Popen", lambda *_, **__: self)
        monkeypatch.setattr(mlflow.urllib.request, "urlopen", self.answer)
        monkeypatch.setattr(mlflow.time, "sleep", lambda _: None)

    def answer(self, address, timeout):
        assert address == "http://127.0.0.1:5000/health"
        if self.refused < 2:
            self.refused += 1
            raise urllib.error.URLError("connection refused")
        return open("/dev/null")

    def poll(self):
        return 1 if self.ends and self.refused == 2 else None

    def wait(self):
        return 1 if self.ends else 0


@pytest.fixture
def published(monkeypatch):
    monkeypatch.chdir(ROOT)  # the command goes there, and the next test comes back
    monkeypatch.setattr(links, "publish_present", lambda graph, *_: graph.recipe.name == "tiny")
    monkeypatch.setattr(links, "links_of", lambda *_: [("the chart", "http://127.0.0.1:5000/#/x")])


def called(capsys) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(["ui", "--root", str(ROOT), "--no-open"])
    return ended.value.code, capsys.readouterr().out


@pytest.mark.usefixtures("published")
def test_links_are_printed_once_the_server_answers(monkeypatch, capsys):
    server = Server(monkeypatch, ends=False)
    seen = []
    answer = server.answer

    def answer_and_look(*arguments, **named):
        seen.append(capsys.readouterr().out)
        return answer(*arguments, **named)

    monkeypatch.setattr(mlflow.urllib.request, "urlopen", answer_and_look)
    code, said = called(capsys)
    assert seen == ["", "", ""]
    assert (code, said) == (0, "the chart: http://127.0.0.1:5000/#/x\n")


@pytest.mark.usefixtures("published")
def test_a_server_that_does_not_start_has_no_links(monkeypatch, capsys):
    Server(monkeypatch, ends=True)
    assert called(capsys) == (1, "")
