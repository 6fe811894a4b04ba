"""Templates of the Databricks CLI are rendered as Go does, as far as ours go."""

import pytest

from levelfive.errors import ConfigError
from levelfive.project.rendering import render

ANSWERS = {"name": "shop", "task": "binary", "folder": "my_old_shop"}


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("no action: { } ${{x} {{", "no action: { } ${{x} {{"),
        ("{{.name}}_{{ .task }}", "shop_binary"),
        ('a: "{{"{{"}}job.id}}"', 'a: "{{job.id}}"'),
        ('{{if eq .task "binary"}}yes{{else}}no{{end}}', "yes"),
        ('{{if eq .task "regression"}}yes{{else}}no{{end}}!', "no!"),
        ('{{if eq .task "regression" "binary"}}either{{end}}', "either"),
        ('a\n{{- if eq .name "shop"}}\n    b\n{{- end}}\nc', "a\n    b\nc"),
        ('a\n{{- if eq .name "other"}}\n    b\n{{- end}}\nc', "a\nc"),
        ('{{- if eq .name\n  "a"\n  "b"\n-}}\n{{fail "Never."}}\n{{- end -}}\nc', "c"),
        ('{{if eq .name "a"}}{{if eq .task "binary"}}x{{else}}y{{end}}{{else}}z{{end}}', "z"),
        ("{{.name}} -\n", "shop -\n"),
        ('{{(regexp "_").ReplaceAllString .folder "-"}}', "my-old-shop"),
        ('{{if eq .task "other"}}{{(regexp "_").ReplaceAllString .folder "-"}}{{end}}', ""),
    ],
)
def test_an_action_is_replaced_by_what_it_says(template: str, rendered: str) -> None:
    assert render(template, ANSWERS) == rendered


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{.nome}}", "asks for 'nome'; the answers are name, task, folder"),
        ("{{range .names}}", "'range .names', which is not rendered here"),
        ('{{(regexp "_+").ReplaceAllString .name "-"}}', "which is not rendered here"),
        ("{{end}}", "'end', which is not rendered here"),
        ("{{else}}", "'else', which is not rendered here"),
        ('{{if eq .name "shop"}}', "without an end"),
        ('{{if eq .name "shop"}}{{fail "Take another name."}}{{end}}', "Take another name."),
    ],
)
def test_what_cannot_be_rendered_is_refused(template: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        render(template, ANSWERS)
