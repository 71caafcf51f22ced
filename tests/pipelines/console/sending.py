"""Forms of the console as a browser fills them in and sends them."""

from __future__ import annotations

import re
from html import unescape

from tests.pipelines.console.conftest import ORIGIN


def form_on(client, address, action):
    """What the form of a page that leads to `action` would send, untouched; {} if there is none."""
    page = client.get(address).text
    shown = re.search(rf'<form class="ask" action="{re.escape(action)}" method="post"[^>]*>'
                      r"(.*?)</form>", page, re.DOTALL)  # fmt: skip
    if shown is None:
        return {}
    choices = re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', shown[1], re.DOTALL)
    inputs = re.findall(r'<input(?![^>]*type="file")[^>]*name="(\w+)"[^>]*value="([^"]*)"',
                        shown[1])  # fmt: skip
    fields = dict(inputs)
    for name, options in choices:
        (fields[name],) = re.findall(r'value="([^"]*)" selected', options)
    return {name: unescape(value) for name, value in fields.items()}


def sent(client, address, form, **how):
    return client.post(address, data=form, headers={"origin": ORIGIN}, **how)
