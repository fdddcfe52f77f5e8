"""A foreign chat template is a program: it runs in its own process, with a time limit."""

from pathlib import Path

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from r1v3.model.foreign_template import ForeignTemplate, TemplateError

MODEL = Path("strange")
VALUES = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Wie viel? 多少"}],
    "tools": None,
    "documents": None,
    "add_generation_prompt": True,
    "bos_token": "<s>",
}  # fmt: skip
QWEN = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages[1:] %}
    {%- if message.role == 'tool' %}{% continue %}{% endif %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{% generation %}x{% endgeneration %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""


@pytest.mark.parametrize(
    "template",
    [
        QWEN,
        "{{ bos_token }}{% for m in messages %}{{ m | tojson }}\n{% endfor %}",
        "{{ bos_token }}\n  {% if tools %}\n  T\n  {% endif %}\nlast line\n",
        "{% set n = namespace(i=0) %}{% for m in messages %}{% set n.i = n.i + 1 %}{% endfor %}{{ n.i }}",
        "{{ messages | map(attribute='content') | join('|') }}{{ undefined_name }}",
    ],
)
def test_a_template_gives_what_transformers_gives(template):
    values = {k: v for k, v in VALUES.items() if k != "messages"}
    (expected,), _ = render_jinja_template([VALUES["messages"]], chat_template=template, **values)
    assert ForeignTemplate(template, MODEL).render(**VALUES) == expected


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "it ran for"),
        ("{{ 'a' * 10 ** 10 }}", "it needs more than 512 MiB"),
        ("{{ '%2000000s' | format('a') }}", "it writes more than"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "SecurityError"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "SecurityError"),
        ("{% include '/etc/passwd' %}", "TypeError|TemplateNotFound|no loader"),
        ("{{ raise_exception('only users may speak') }}", "only users may speak"),
        ("{% for %}", "TemplateSyntaxError"),
        ("x" * (2**20 + 1), "longer than"),
        ("", "it writes nothing"),
        ("{{ ''|attr('__class__') }} \n", "it writes nothing"),
        ("{{ '\\ud800' }}", "UnicodeEncodeError"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
        ("{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x*2 %}{% endfor %}", "512"),
        ("{{ messages | tojson(indent=100000000) }}", "it needs more than 512 MiB"),
        ("{% if 1 %}" * 500 + "{% endif %}" * 500, "RecursionError"),
    ],
)  # fmt: skip
def test_what_is_no_honest_template_is_told_and_ends(template, said):
    foreign = ForeignTemplate(template, MODEL, seconds=1.5)
    with pytest.raises(
        TemplateError, match=rf"strange: its chat template .*({said}).*; set `template`"
    ):
        foreign.render(**VALUES)
    foreign.text = "{{ bos_token }}"
    assert foreign.render(**VALUES) == "<s>"


def test_a_template_sees_nothing_of_this_process(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    foreign = ForeignTemplate("{{ bos_token }}", MODEL)
    foreign.render(**VALUES)
    seen = Path(f"/proc/{foreign.process.pid}/environ").read_bytes()
    assert b"secret" not in seen
    assert b"HF_TOKEN" not in seen
