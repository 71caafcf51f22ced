"""What a refused paper says."""

import pytest

from licensing.errors import PaperError


def code_of(call, *args, **kwargs):
    """The code with which `call` refuses; a refusal without a way out is a failure."""
    with pytest.raises(PaperError) as caught:
        call(*args, **kwargs)
    assert caught.value.way_out
    return caught.value.code
